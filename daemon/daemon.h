/*
 * `fairlead run`: puts the parts together on one libev loop, in the order bind, source, first sync, and takes them
 * apart on SIGTERM or SIGINT (DNS stops, kernel rules stay). Main thread.
 */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

struct config;

/* Returns the exit code; ends the process where it cannot start. argv is not used. */
int daemon_run(struct config *config, int argc, char **argv);

#endif
