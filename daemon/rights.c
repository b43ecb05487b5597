/* Gives up what the daemon does not need once it runs. */
#include "daemon/rights.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/call_list.h"
#include "base/capabilities.h"
#include "base/log.h"

/* Tokens are in memory: no core file, no tracer but root's. */
static void memory_hide(void)
{
	const struct rlimit none = {0, 0};

	if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		log_warn("rights: core files cannot be forbidden: %s", strerror(errno));
}

void rights_limit(struct rights *r, const struct config *config, const struct credentials *credentials)
{
	const unsigned kept = capabilities_held() & (CAPABILITIES_NET_ADMIN | CAPABILITIES_BIND);
	int error;

	memory_hide();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		log_warn("rights: no_new_privs: %s", strerror(errno));
	r->bounded = capabilities_bound(CAPABILITIES_NET_ADMIN | CAPABILITIES_BIND);
	error = capabilities_keep(kept);
	if (error != 0)
		log_warn("rights: capabilities cannot be given up: %s", strerror(error));
	r->binds = (kept & CAPABILITIES_BIND) != 0;
	r->reads_anywhere = config->manifests != NULL;
	r->landlock_abi = rights_files_limit(config, credentials);
	if (r->landlock_abi == 0)
		log_info("rights: files are not restricted: Landlock: %s", strerror(errno));
}

void rights_calls_limit(void)
{
	/*
	 * Sources, the event loop, netlink, sockets that other threads accept from; and what the C library's name
	 * services and OpenSSL call, also in threads that libcurl makes for name look-ups.
	 */
	static const char calls[] = CALLS_LIBRARIES CALLS_LOOP CALLS_SOCKETS CALLS_FILES CALLS_THREADS
		" openat open creat mkdir mkdirat rename renameat renameat2 unlink unlinkat fsync fdatasync ftruncate "
		"flock"
		" fchmod umask pread64 pwrite64 stat lstat statx statfs fstatfs faccessat faccessat2 readlinkat getcwd"
		" socket socketpair connect bind listen accept4 getsockname getpeername sendmmsg recvmmsg ioctl"
		" inotify_init1 inotify_add_watch inotify_rm_watch signalfd4 pipe pipe2 dup dup2 dup3 select pselect6"
		" getuid geteuid getgid getegid getppid getresuid getresgid getgroups uname sysinfo getrusage times"
		" wait4 getrlimit prlimit64 setrlimit rt_sigtimedwait rt_sigsuspend sched_setaffinity"
		" sched_getparam sched_getscheduler setitimer alarm timer_settime get_robust_list epoll_pwait2 "
		"futex_waitv";
	int error = call_list_apply(calls);

	if (error != 0)
		log_warn("rights: system calls cannot be restricted: %s", strerror(error));
}

void rights_ports_bound(struct rights *r)
{
	if (!r->binds)
		return;
	r->binds = false;
	int error = capabilities_keep(capabilities_held() & CAPABILITIES_NET_ADMIN);
	if (error != 0)
		log_warn("rights: CAP_NET_BIND_SERVICE cannot be given up: %s", strerror(error));
}
