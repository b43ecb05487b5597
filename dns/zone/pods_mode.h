/* Which names of pods exist: "10-0-0-1.default.pod". Set by --dns-pods. */
#ifndef DNS_ZONE_PODS_MODE_H
#define DNS_ZONE_PODS_MODE_H

enum pods_mode { PODS_DISABLED, PODS_INSECURE, PODS_VERIFIED };

#endif
