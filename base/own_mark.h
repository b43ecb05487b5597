/* The packet mark of what the daemon itself sends: set by base/outgoing.h, matched by the rules. */
#ifndef BASE_OWN_MARK_H
#define BASE_OWN_MARK_H

/*
 * The mark of packets that fairlead itself sends: its own rules pass them untranslated (nft/ruleset.c), so that no
 * Service can cut it off from what it needs. One bit that Kubernetes (14, 15), Calico (16 to 31) and Cilium (8 to 11)
 * do not use, and not below 8, where people number their own routing rules.
 */
#define SOCK_OWN_MARK 0x1000u

#endif
