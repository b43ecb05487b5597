/*
 * Finds the API server and the credentials for it: from a kubeconfig, or from the in-cluster service account, and from
 * flags, which win over both. Main thread.
 */
#ifndef WATCH_API_CREDENTIALS_LOAD_H
#define WATCH_API_CREDENTIALS_LOAD_H

#include "watch/api/credentials.h"

/* Flags; NULL = not given. */
struct credentials_flags {
	const char *kubeconfig, *server, *token_file, *ca_file;
	bool insecure;
};

/*
 * Fills a zeroed struct: the kubeconfig if given, else the service account of the pod (its server from
 * $KUBERNETES_SERVICE_HOST and _PORT unless `server` is given; its files only where they exist), then the flags.
 * False: one line in error, naming file and field.
 */
bool credentials_load(struct credentials *c, const struct credentials_flags *flags, char error[ERROR_BYTES]);

#endif
