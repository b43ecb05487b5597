/*
 * Capabilities, by libcap-ng. They belong to a thread, and a new thread has those of its creator: each gives up what it
 * does not need.
 */
#ifndef BASE_CAPABILITIES_H
#define BASE_CAPABILITIES_H

#include <stdbool.h>

#define CAPABILITIES_NONE 0U
#define CAPABILITIES_NET_ADMIN 1U
#define CAPABILITIES_BIND 2U /* CAP_NET_BIND_SERVICE: ports below 1024 */
#define CAPABILITIES_SETUID 4U
#define CAPABILITIES_SETGID 8U
#define CAPABILITIES_KILL 16U	   /* processes of other users */
#define CAPABILITIES_SYS_ADMIN 32U /* namespaces */

/* Which of these the calling thread has. Reads /proc. */
unsigned capabilities_held(void);

/*
 * The calling thread keeps these and no others, in its effective and permitted sets; nothing is inheritable or ambient.
 * 0 or an errno (EPERM: it does not have all of them).
 */
int capabilities_keep(unsigned kept);

/*
 * The same for its bounding set, which limits programs that it executes. False where it may not change that
 * (CAP_SETPCAP): then no_new_privs alone keeps such a program from gaining any. Reads /proc.
 */
bool capabilities_bound(unsigned kept);

#endif
