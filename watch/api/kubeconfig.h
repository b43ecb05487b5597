/*
 * Reading a kubeconfig: server, CA, token or client certificate of its current context. What fairlead cannot do
 * (exec and auth-provider plugins, passwords, proxies) is refused with a line that says so. Main thread.
 */
#ifndef WATCH_API_KUBECONFIG_H
#define WATCH_API_KUBECONFIG_H

#include "base/error.h"
#include "watch/api/credentials.h"

/* Files in it are relative to its folder. False: one line in error (ERROR_BYTES). */
bool kubeconfig_load(struct credentials *c, const char *file, char error[ERROR_BYTES]);
/* The same from text; `file` is for messages and relative names. */
bool kubeconfig_read(struct credentials *c, const char *file, const char *text, size_t length_bytes,
		     char error[ERROR_BYTES]);

#endif
