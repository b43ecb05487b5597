/*
 * The bound of the SOA serial (dns/zone/serial.h) in --state-dir, a decimal number in the file dns.serial. Written by
 * renaming, without fsync: after a power loss it may be an older one, and the clock decides. Main thread.
 */
#ifndef DAEMON_SERIAL_FILE_H
#define DAEMON_SERIAL_FILE_H

#include "dns/zone/serial.h"

/* What is kept in the folder; "": nothing is. The text is borrowed as long as the store is used. */
struct serial_store serial_file_open(const char *folder);

#endif
