/* Whether frames that stay on a Linux bridge pass netfilter, as Services need where pods hang on one. */
#ifndef DAEMON_BRIDGES_H
#define DAEMON_BRIDGES_H

#include <stdbool.h>

#define BRIDGES_SYSCTL "/proc/sys/net/bridge/bridge-nf-call-iptables"

/*
 * True: the kernel can hand bridged frames to netfilter and does not. A reply from one pod to another on the same
 * bridge is then not translated back. path: of the sysctl; where it is missing (no br_netfilter) nothing can be said.
 */
bool bridges_bypass(const char *path);

#endif
