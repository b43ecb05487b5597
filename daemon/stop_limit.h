/*
 * The daemon ends within a second of SIGTERM or SIGINT, whatever the main thread is doing: a large file that it reads,
 * a transaction, a disk. The loop is told first; when it has not ended the process by STOP_LIMIT_MS, a timer's signal
 * does, with the same exit code. That is as safe as being killed: rules stay, files are replaced as a whole.
 */
#ifndef DAEMON_STOP_LIMIT_H
#define DAEMON_STOP_LIMIT_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STOP_LIMIT_MS 20000 /* their reports take long */
#else
#define STOP_LIMIT_MS 900
#endif

/* After the loop's own watchers of both signals have started. Main thread. */
void stop_limit_start(void);

#endif
