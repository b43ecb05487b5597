/* Which files the daemon may open once it runs, by Landlock. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/folder.h"
#include "base/mem.h"
#include "daemon/rights.h"

/* linux/landlock.h, which may be older than the kernel that this runs on: one bit each, in the order of the ABIs. */
enum {
	EXECUTE = 1 << 0,
	WRITE_FILE = 1 << 1,
	READ_FILE = 1 << 2,
	READ_DIR = 1 << 3,
	REMOVE_FILE = 1 << 5,
	MAKE_DIR = 1 << 7,
	MAKE_REG = 1 << 8,
	MAKE_SOCK = 1 << 9,
	TRUNCATE = 1 << 14,
};
#define ABI_1 ((UINT64_C(1) << 13) - 1)
#define ABI_2 ((UINT64_C(1) << 14) - 1) /* files moved between folders */
#define ABI_3 ((UINT64_C(1) << 15) - 1) /* truncation */
#define ABI_5 ((UINT64_C(1) << 16) - 1) /* ioctl of devices */
#define SCOPES_ABI 6
#define SCOPES UINT64_C(3) /* abstract unix sockets and signals of processes outside */
#define RULE_PATH_BENEATH 1
#define VERSION_ASKED 1U
#define OF_FILES (EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE)

#define READS (READ_FILE | READ_DIR)
#define WRITES (READS | WRITE_FILE | REMOVE_FILE | MAKE_REG | MAKE_SOCK | TRUNCATE)

struct ruleset {
	uint64_t files, net, scopes;
};

struct beneath {
	uint64_t allowed;
	int32_t folder;
} __attribute__((packed));

struct rules {
	int fd;
	uint64_t handled;
};

/* A path that is not there needs no rule. */
static void allow(const struct rules *rules, const char *path, uint64_t rights)
{
	struct beneath rule = {.allowed = rights & rules->handled, .folder = open(path, O_PATH | O_CLOEXEC)};
	struct stat st;

	if (rule.folder < 0)
		return;
	if (fstat(rule.folder, &st) == 0 && !S_ISDIR(st.st_mode))
		rule.allowed &= OF_FILES;
	(void)syscall(SYS_landlock_add_rule, rules->fd, RULE_PATH_BENEATH, &rule, 0U);
	close(rule.folder);
}

static void allow_folder_of(const struct rules *rules, const char *path, uint64_t rights)
{
	char *copy = mem_strdup(path);

	allow(rules, dirname(copy), rights);
	free(copy);
}

/* The folder where the name is, and where its links lead to: files are replaced there as they rotate. */
static void allow_around(const struct rules *rules, const char *file)
{
	char real[PATH_MAX];

	if (file == NULL)
		return;
	allow_folder_of(rules, file, READS);
	if (realpath(file, real) != NULL)
		allow_folder_of(rules, real, READS);
}

/*
 * Name resolution of the C library, certificate authorities, our own figures. /etc as a whole: a rule is for the file
 * that is there now, and /etc/resolv.conf is replaced by another one.
 */
static void allow_system(const struct rules *rules)
{
	static const char *const read[] = {"/etc",
					   "/usr",
					   "/lib",
					   "/lib64",
					   "/proc",
					   "/sys",
					   "/run/systemd/resolve",
					   "/run/NetworkManager",
					   "/run/resolvconf",
					   "/dev/urandom"};

	for (size_t i = 0; i < sizeof read / sizeof *read; i++)
		allow(rules, read[i], READS);
	allow(rules, "/dev/null", READ_FILE | WRITE_FILE);
	allow_around(rules, "/etc/resolv.conf");
}

/* Made here. What is in its way may go later, so the folder around it serves then; the writer tells what is wrong. */
static void allow_state(const struct rules *rules, const char *path)
{
	const char *wrong;
	int fd = folder_open(path, 0700, false, &wrong);

	if (fd >= 0)
		close(fd);
	if (fd >= 0 || errno == EPERM)
		allow(rules, path, WRITES);
	else
		allow_folder_of(rules, path, WRITES | MAKE_DIR);
}

static void allow_configured(const struct rules *rules, const struct config *c, const struct credentials *k)
{
	allow_folder_of(rules, c->control, WRITES);
	if (c->take_over != NULL)
		allow_folder_of(rules, c->take_over, WRITES);
	if (c->state_dir[0] != '\0')
		allow_state(rules, c->state_dir);
	/* Links of a manifest folder may lead anywhere, to another place tomorrow: git-sync, ..data of a ConfigMap. */
	if (c->manifests != NULL)
		allow(rules, "/", READS);
	allow_around(rules, c->forward.file);
	allow_around(rules, c->dns_hosts);
	allow_around(rules, getenv("SSL_CERT_FILE")); /* as OpenSSL reads them */
	if (getenv("SSL_CERT_DIR") != NULL)
		allow(rules, getenv("SSL_CERT_DIR"), READS);
	allow_around(rules, k->ca_file);
	allow_around(rules, k->cert_file);
	allow_around(rules, k->key_file);
	allow_around(rules, k->token_file);
}

static uint64_t handled_by(long abi)
{
	return abi >= 5 ? ABI_5 : abi >= 3 ? ABI_3 : abi >= 2 ? ABI_2 : ABI_1;
}

unsigned rights_files_limit(const struct config *config, const struct credentials *credentials)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, VERSION_ASKED);

	if (abi <= 0)
		return 0;
	const struct ruleset ruleset = {.files = handled_by(abi), .scopes = abi >= SCOPES_ABI ? SCOPES : 0};
	const size_t known_bytes = abi >= SCOPES_ABI ? sizeof ruleset : sizeof ruleset.files;
	struct rules rules = {.fd = (int)syscall(SYS_landlock_create_ruleset, &ruleset, known_bytes, 0U),
			      .handled = ruleset.files};
	if (rules.fd < 0)
		return 0;
	allow_system(&rules);
	allow_configured(&rules, config, credentials);
	long failed = syscall(SYS_landlock_restrict_self, rules.fd, 0U);
	int error = errno;
	close(rules.fd);
	errno = error;
	return failed == 0 ? (unsigned)abi : 0;
}
