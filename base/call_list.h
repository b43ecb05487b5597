/*
 * Lists of system calls, by libseccomp: what a thread may ask of the kernel from now on. What is not on the list:
 *   - calls that only an intruder makes (execve, fork, ptrace, mount, bpf, setns, …) end the process with SIGSYS, which
 *     the kernel logs. Its rules stay, and the next start finds them;
 *   - others fail with ENOSYS, which the C library takes for an old kernel and does without: a newer library must not
 *     stop the DNS of a node. That is not logged: the C library tries clone3() for each thread.
 */
#ifndef BASE_CALL_LIST_H
#define BASE_CALL_LIST_H

/* What every thread of the C library needs: memory, locks, clocks, standard error, its end. */
#define CALLS_ANY                                                                                                   \
	" read write writev close futex clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time"     \
	" munmap mremap madvise brk getrandom exit exit_group rt_sigprocmask rt_sigreturn rt_sigaction sigaltstack" \
	" restart_syscall sched_yield sched_getaffinity membarrier rseq set_robust_list getpid gettid tgkill getcpu "
/* Its memory cannot be made executable. */
#define CALLS_BASIC CALLS_ANY " mmap:data mprotect:data "
/* It loads libraries: name services of the C library. */
#define CALLS_LIBRARIES CALLS_ANY " mmap mprotect "
/* A libev loop. */
#define CALLS_LOOP \
	" epoll_create1 epoll_ctl epoll_wait epoll_pwait eventfd2 poll ppoll fcntl timerfd_create timerfd_settime "
/* Sockets that are open. */
#define CALLS_SOCKETS " recvfrom recvmsg sendto sendmsg shutdown getsockopt setsockopt "
/* It reads files. */
#define CALLS_FILES " openat:read fstat newfstatat lseek access readlink getdents64 "
/* It makes threads, which narrow their rights themselves. */
#define CALLS_THREADS " clone:thread set_tid_address capset capget prctl seccomp "

/*
 * The calling thread, and threads that it makes, may use the calls of `names` (separated by spaces) only; a name that
 * this kernel's interface does not have is left out. 0, or an errno: the list does not hold (a kernel without seccomp,
 * a container that forbids it). Cannot be undone; a later list narrows the first.
 */
int call_list_apply(const char *names);

#endif
