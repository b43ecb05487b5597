/* What status.dns tells of the daemon beside numbers (dns/answer/debug_names.h). */
#ifndef DNS_ZONE_NOTE_H
#define DNS_ZONE_NOTE_H

enum zone_note { ZONE_NODE, ZONE_VERSION, ZONE_SOURCE, ZONE_UPSTREAMS, ZONE_NOTES };

#endif
