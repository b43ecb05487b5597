/* What holds, as the kernel tells it in /proc. */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/read_file.h"
#include "daemon/rights.h"

#define STATUS_BYTES 8192
#define SECCOMP_FILTER 2
#define THREAD_NAME_BYTES 32

struct thread_rights {
	char name[THREAD_NAME_BYTES];
	uint64_t effective; /* capabilities, one bit each */
	uint64_t seccomp;
};

static uint64_t field(const char *status, const char *name, int base)
{
	const char *at = strstr(status, name);

	return at == NULL ? 0 : strtoull(at + strlen(name), NULL, base);
}

static bool thread_read(struct thread_rights *t, const char *id)
{
	char path[64];
	size_t length;

	snprintf(path, sizeof path, "/proc/self/task/%.20s/status", id);
	char *status = read_file(path, STATUS_BYTES, &length);
	if (status == NULL)
		return false; /* it has ended */
	*t = (struct thread_rights){.effective = field(status, "\nCapEff:", 16),
				    .seccomp = field(status, "\nSeccomp:", 10)};
	sscanf(status, "Name:\t%31[^\n]", t->name);
	free(status);
	return true;
}

/* All threads, the main one first; the caller frees. */
static struct thread_rights *threads_read(size_t *count)
{
	struct thread_rights *threads = NULL;
	DIR *tasks = opendir("/proc/self/task");
	const struct dirent *entry;

	*count = 0;
	while (tasks != NULL && (entry = readdir(tasks)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		threads = mem_resize(threads, (*count + 1) * sizeof *threads);
		*count += thread_read(&threads[*count], entry->d_name);
	}
	if (tasks != NULL)
		closedir(tasks);
	return threads;
}

/* Those that matter here by name, others as a number. */
static void capabilities_format(uint64_t set, char text[64])
{
	static const struct {
		uint64_t bit;
		const char *name;
	} known[] = {{UINT64_C(1) << 12, "CAP_NET_ADMIN"}, {UINT64_C(1) << 10, "CAP_NET_BIND_SERVICE"}};
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		if ((set & known[i].bit) == 0)
			continue;
		n += (size_t)snprintf(text + n, 64 - n, "%s%s", n != 0 ? "," : "", known[i].name);
		set &= ~known[i].bit;
	}
	if (set != 0)
		snprintf(text + n, 64 - n, "%s0x%" PRIx64, n != 0 ? "," : "", set);
}

void rights_json(const struct rights *r, struct json *j)
{
	char text[64];
	size_t count;
	struct thread_rights *threads = threads_read(&count);

	json_object(j, "rights");
	json_number(j, "user", geteuid());
	json_bool(j, "noNewPrivileges", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	json_bool(j, "dumpable", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0);
	json_bool(j, "boundingSetReduced", r->bounded);
	json_number(j, "landlock", r->landlock_abi);
	json_bool(j, "readsAnywhere", r->landlock_abi == 0 || r->reads_anywhere);
	json_array(j, "threads");
	for (size_t i = 0; i < count; i++) {
		json_object(j, NULL);
		json_string(j, "name", threads[i].name);
		capabilities_format(threads[i].effective, text);
		json_string(j, "capabilities", text);
		json_bool(j, "systemCallsListed", threads[i].seccomp == SECCOMP_FILTER);
		json_end(j);
	}
	json_end(j);
	json_end(j);
	free(threads);
}

static void files_text(const struct rights *r, struct buf *out)
{
	if (r->landlock_abi == 0)
		buf_puts(out, ", files not restricted");
	else
		buf_printf(out, ", files restricted (Landlock %u%s)", r->landlock_abi,
			   r->reads_anywhere ? ", reads anywhere" : "");
}

static void threads_text(const struct thread_rights *threads, size_t count, struct buf *out)
{
	char text[64];
	size_t without = 0;

	for (size_t i = 0; i < count; i++)
		without += threads[i].effective == 0 && threads[i].seccomp == SECCOMP_FILTER;
	buf_printf(out, "         %zu threads without capabilities, system calls listed\n", without);
	for (size_t i = 0; i < count; i++) {
		const struct thread_rights *t = &threads[i];
		capabilities_format(t->effective, text);
		if (t->effective != 0 || t->seccomp != SECCOMP_FILTER)
			buf_printf(out, "         thread %s: %s, system calls %s\n", t->name,
				   t->effective != 0 ? text : "no capabilities",
				   t->seccomp == SECCOMP_FILTER ? "listed" : "not restricted");
	}
}

void rights_text(const struct rights *r, struct buf *out)
{
	size_t count;
	struct thread_rights *threads = threads_read(&count);

	buf_printf(out, "rights   user %u%s%s", (unsigned)geteuid(),
		   prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? ", no new privileges" : "",
		   prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? ", no core files" : "");
	files_text(r, out);
	buf_puts(out, "\n");
	threads_text(threads, count, out);
	free(threads);
}
