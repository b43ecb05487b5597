/*
 * Tells when a path may lead to another file, or the file changed: inotify on the folder of every link on the way and
 * of the file itself, so that a replaced file, a changed link and a changed link of a link (ConfigMap volumes,
 * git-sync, systemd-resolved) all count. One thread.
 */
#ifndef BASE_PATH_WATCH_H
#define BASE_PATH_WATCH_H

#include <stdbool.h>

#define PATH_WATCH_LINKS_MAX 40 /* as the kernel follows */

/* A descriptor that becomes readable; -1 and errno. The path is absolute. What is missing is watched for. */
int path_watch_open(const char *path);

/* Reads what came, and watches the folders that the path goes through now. False: nothing came. */
bool path_watch_changed(int fd, const char *path);

#endif
