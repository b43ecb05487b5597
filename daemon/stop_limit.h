/*
 * The daemon ends within a second of SIGTERM or SIGINT, whatever the main thread is doing: a large file that it reads,
 * a transaction, a disk. The loop is told first; when it has not ended the process by STOP_LIMIT_MS, a timer's signal
 * does, with the same exit code. That is as safe as being killed: rules stay, files are replaced as a whole.
 */
#ifndef DAEMON_STOP_LIMIT_H
#define DAEMON_STOP_LIMIT_H

#define STOP_LIMIT_MS 900

/* After the loop's own watchers of both signals have started. Main thread. */
void stop_limit_start(void);
/* The loop has heard the signal. With sanitizers, whose reports take long, the limit ends here. */
void stop_limit_heard(void);

#endif
