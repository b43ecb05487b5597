/* Lists of system calls that a thread may use. */
#include "base/call_list.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define CALL_BYTES 40

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(undefined_behavior_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

/* No thread of ours makes them. */
static const char intruders[] =
	"execve execveat fork vfork clone:process ptrace process_vm_readv process_vm_writev pidfd_getfd kcmp mount "
	"umount2"
	" pivot_root chroot fsopen fsconfig fsmount move_mount open_tree mount_setattr unshare setns init_module"
	" finit_module delete_module kexec_load kexec_file_load bpf perf_event_open userfaultfd io_uring_setup"
	" io_uring_enter io_uring_register keyctl add_key request_key capset setuid setgid setreuid setregid setresuid"
	" setresgid setgroups setfsuid setfsgid reboot swapon swapoff iopl ioperm modify_ldt personality"
	" open_by_handle_at memfd_create quotactl acct sethostname setdomainname settimeofday clock_settime adjtimex"
	" clock_adjtime syslog lookup_dcookie vhangup nfsservctl";

/* Reports of sanitizers: they read /proc, start a symbolizer, and look for leaks from a process that traces this one.
 */
static const char sanitizer_calls[] =
	"clone:process clone:thread fork vfork execve ptrace wait4 kill tkill pipe pipe2 dup dup2 dup3 open openat "
	"readlink readlinkat stat fstat"
	" newfstatat lstat statx access lseek getdents getdents64 ioctl fcntl getrlimit prlimit64 setrlimit uname "
	"sysinfo"
	" process_vm_readv getppid personality arch_prctl set_tid_address getcwd mmap mprotect";

struct list {
	scmp_filter_ctx filter;
	int error; /* the first */
};

/* clone() makes a thread or a process; the kernel asks CLONE_VM and CLONE_SIGHAND of a thread. */
static const struct scmp_arg_cmp makes_thread = {0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD};
static const struct scmp_arg_cmp makes_process = {0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0};
static const struct scmp_arg_cmp not_executable = {2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0};
static const struct scmp_arg_cmp reads = {2, SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY};
static const struct scmp_arg_cmp is_ipv4 = {0, SCMP_CMP_EQ, AF_INET, 0}, is_ipv6 = {0, SCMP_CMP_EQ, AF_INET6, 0};

/* Names with a condition on an argument; any of several. */
static const struct {
	const char *name, *call;
	const struct scmp_arg_cmp *condition;
} conditions[] = {{"clone:thread", "clone", &makes_thread}, {"clone:process", "clone", &makes_process},
		  {"mmap:data", "mmap", &not_executable},   {"mprotect:data", "mprotect", &not_executable},
		  {"openat:read", "openat", &reads},	    {"socket:inet", "socket", &is_ipv4},
		  {"socket:inet", "socket", &is_ipv6}};

static void add_rule(struct list *l, const char *call, uint32_t action, const struct scmp_arg_cmp *condition)
{
	int number = seccomp_syscall_resolve_name(call);

	if (number == __NR_SCMP_ERROR)
		return;
	int result = seccomp_rule_add_array(l->filter, action, number, condition != NULL, condition);
	if (result < 0 && result != -EEXIST && l->error == 0)
		l->error = -result;
}

static void add(struct list *l, const char *name, uint32_t action)
{
	bool conditional = false;

	for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++) {
		if (strcmp(name, conditions[i].name) != 0)
			continue;
		add_rule(l, conditions[i].call, action, conditions[i].condition);
		conditional = true;
	}
	if (!conditional)
		add_rule(l, name, action, NULL);
}

/* The next of the names, separated by spaces; false: there is none. */
static bool next_name(const char **at, char name[CALL_BYTES])
{
	*at += strspn(*at, " ");
	size_t length = strcspn(*at, " ");

	assert(length < CALL_BYTES);
	memcpy(name, *at, length);
	name[length] = '\0';
	*at += length;
	return length != 0;
}

static bool is_named(const char *names, const char *wanted)
{
	char name[CALL_BYTES];

	while (next_name(&names, name))
		if (strcmp(name, wanted) == 0)
			return true;
	return false;
}

static void fill(struct list *l, const char *names)
{
	char name[CALL_BYTES];
	const char *at = names;

	while (next_name(&at, name))
		add(l, name, SCMP_ACT_ALLOW);
	at = SANITIZED ? sanitizer_calls : "";
	while (next_name(&at, name))
		add(l, name, SCMP_ACT_ALLOW);
	at = intruders;
	while (next_name(&at, name))
		if (!is_named(names, name) && !(SANITIZED && is_named(sanitizer_calls, name)))
			add(l, name, SCMP_ACT_KILL_PROCESS);
}

int call_list_apply(const char *names)
{
	static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER; /* the library keeps what it found out */
	struct list l = {0};

	if (sizeof(long) < sizeof(int64_t))
		return ENOSYS; /* 32-bit kernels have other names */
	pthread_mutex_lock(&one_at_a_time);
	l.filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	if (l.filter == NULL) {
		l.error = ENOSYS;
	} else {
		fill(&l, names);
		if (l.error == 0)
			l.error = -seccomp_load(l.filter);
		seccomp_release(l.filter);
	}
	pthread_mutex_unlock(&one_at_a_time);
	return l.error;
}
