/* Kubeconfig files: what is read and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/tempfolder.h"
#include "tests/unit/stderrlines.h"
#include "watch/api/kubeconfig.h"
#include "watch/api/credentials_load.h"

static char error[ERROR_BYTES];
static struct credentials c;

static int setup(void **state)
{
	(void)state;
	error[0] = '\0';
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	credentials_fini(&c);
	return 0;
}

#define HEAD                                                                     \
	"apiVersion: v1\nkind: Config\npreferences: {}\ncurrent-context: here\n" \
	"contexts:\n- name: other\n  context: {cluster: x, user: y}\n"           \
	"- name: here\n  context: {cluster: c, user: u, namespace: n}\nclusters:\n- name: c\n"
#define CLUSTER "  cluster: {server: 'https://10.0.0.1:6443'}\nusers:\n- name: u\n"

static bool read_text(const char *text)
{
	return kubeconfig_read(&c, "/etc/kubernetes/proxy.conf", text, strlen(text), error);
}

static void good(void **state)
{
	(void)state;
	if (!read_text(HEAD
		       "  cluster:\n    server: https://[fd00::1]:6443\n    certificate-authority: pki/ca.crt\n"
		       "users:\n- name: u\n  user:\n    client-certificate-data: TElORQ==\n    client-key: /k.pem\n"
		       "    tokenFile: token\n    token: ignored\n"))
		fail_msg("%s", error);
	assert_string_equal(c.server, "https://[fd00::1]:6443");
	assert_string_equal(c.ca_file, "/etc/kubernetes/pki/ca.crt");
	assert_string_equal(c.cert_pem, "LINE");
	assert_string_equal(c.key_file, "/k.pem");
	assert_string_equal(c.token_file, "/etc/kubernetes/token");
	assert_null(c.token);
	assert_false(c.insecure);
}

static void json_and_data(void **state)
{
	(void)state;
	if (!read_text("{\"current-context\":\"a\",\"contexts\":[{\"name\":\"a\",\"context\":{\"cluster\":\"a\","
		       "\"user\":\"a\"}}],"
		       "\"clusters\":[{\"name\":\"a\",\"cluster\":{\"server\":\"http://"
		       "h\",\"insecure-skip-tls-verify\":true,"
		       "\"certificate-authority-data\":\"QUJD\\nRA==\",\"certificate-authority\":\"unused\"}}],"
		       "\"users\":[{\"name\":\"a\",\"user\":{\"token\":\"abc\"}}]}"))
		fail_msg("%s", error);
	assert_string_equal(c.ca_pem, "ABCD");
	assert_null(c.ca_file);
	assert_string_equal(c.token, "abc");
	assert_true(c.insecure);
}

struct bad {
	const char *text, *reason;
};

static void refused(void **state)
{
	static const struct bad bad[] = {
		{"", "current-context is missing"},
		{"a: [", "line "},
		{"- 1\n", "current-context is missing"},
		{"current-context: nowhere\n", "context \"nowhere\": missing"},
		{HEAD, "cluster \"c\": missing"},
		{HEAD "  cluster: {a: b}\nusers: [{name: u, user: {}}]\n", "cluster \"c\": server is missing"},
		{HEAD "  cluster: {server: 'https://h', proxy-url: 'http://p'}\nusers: [{name: u, user: {}}]\n",
		 "proxy-url"},
		{HEAD "  cluster: {server: 'https://h', tls-server-name: n}\nusers: [{name: u, user: {}}]\n",
		 "tls-server-name"},
		{HEAD
		 "  cluster: {server: 'https://h', certificate-authority-data: '%'}\nusers: [{name: u, user: {}}]\n",
		 "certificate-authority-data: not base64"},
		{HEAD
		 "  cluster: {server: 'https://h', certificate-authority-data: 'QQ'}\nusers: [{name: u, user: {}}]\n",
		 "certificate-authority-data: not base64"},
		{HEAD
		 "  cluster: {server: 'https://h', certificate-authority-data: 'Q=BB'}\nusers: [{name: u, user: {}}]\n",
		 "certificate-authority-data: not base64"},
		{HEAD
		 "  cluster: {server: 'https://h', certificate-authority-data: 'AAAA'}\nusers: [{name: u, user: {}}]\n",
		 "certificate-authority-data: not base64 of a PEM text"},
		{HEAD CLUSTER "  user: {exec: {command: aws}}\n", "user \"u\": exec plugins are not run"},
		{HEAD CLUSTER "  user: {auth-provider: {name: gcp}}\n",
		 "user \"u\": auth-provider plugins are not run"},
		{HEAD CLUSTER "  user: {username: a, password: b}\n", "passwords are not supported"},
		{HEAD CLUSTER "  user: {client-certificate: a}\n", "client-key is missing"},
		{HEAD CLUSTER "  user: {client-key: a}\n", "client-certificate is missing"},
		{HEAD CLUSTER "  user: {token: \"a\\r\\nHost: b\"}\n", "token: has blanks"},
		{HEAD "  cluster: {server: 'https://h'}\n", "user \"u\": missing"},
		{"current-context: \"a\\nb\"", "context \"a b\": missing"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_false(read_text(bad[i].text));
		if (strstr(error, "kubeconfig /etc/kubernetes/proxy.conf: ") != error || !strstr(error, bad[i].reason))
			fail_msg("%s: not \"%s\"", error, bad[i].reason);
		if (strstr(error, "Host") != NULL)
			fail_msg("a token in a message: %s", error);
		credentials_fini(&c);
	}
}

static void file_missing(void **state)
{
	(void)state;
	assert_false(kubeconfig_load(&c, "/nonexistent/config", error));
	assert_string_equal(error, "kubeconfig /nonexistent/config: No such file or directory");
}

static char token_folder[TEMPFOLDER_BYTES], token_path[TEMPFOLDER_BYTES + 8];

static void token_folder_new(void)
{
	tempfolder_new(token_folder, "token");
	snprintf(token_path, sizeof token_path, "%s/token", token_folder);
}

static void token_write(const char *text)
{
	FILE *f = fopen(token_path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* Read at most once a minute, at once after a 401; what cannot be a token leaves the last one in use. */
static void token_file(void **state)
{
	(void)state;
	token_folder_new();
	token_write("");
	credentials_set(&c.token_file, token_path);
	token_write("one \n\n");
	assert_string_equal(credentials_token(&c, 1000), "one");
	token_write("two\n");
	assert_string_equal(credentials_token(&c, 1000 + CREDENTIALS_REREAD_MS - 1), "one");
	assert_string_equal(credentials_token(&c, 1000 + CREDENTIALS_REREAD_MS), "two");
	assert_false(credentials_refresh(&c, 70000));
	token_write("three");
	assert_true(credentials_refresh(&c, 70000));
	assert_string_equal(credentials_token(&c, 70001), "three");
	static const char *const unusable[] = {"", "\n", "a\nb", "a b", "caf\xc3\xa9"};
	for (size_t i = 0; i < sizeof unusable / sizeof *unusable; i++) {
		token_write(unusable[i]);
		assert_false(credentials_refresh(&c, 80000));
		assert_string_equal(credentials_token(&c, 80000), "three");
	}
	unlink(token_path);
	assert_false(credentials_refresh(&c, 90000));
	assert_string_equal(credentials_token(&c, 90000), "three");
	tempfolder_free(token_folder);
}

/* How many lines credentials_token logs in so many calls. */
static unsigned lines_of(int calls)
{
	struct stderr_lines lines = stderr_lines_begin();

	for (int i = 0; i < calls; i++)
		credentials_token(&c, 1000 + (uint64_t)i * CREDENTIALS_REREAD_MS);
	return stderr_lines_end(&lines);
}

/* Each of a dozen requests in a burst asks for the token. */
static void token_file_is_told_once(void **state)
{
	(void)state;
	credentials_set(&c.token_file, "/nonexistent/token");
	assert_int_equal(lines_of(12), 1);
	assert_int_equal(lines_of(12), 0);
	token_folder_new();
	token_write("one");
	credentials_set(&c.token_file, token_path);
	assert_int_equal(lines_of(12), 1); /* that it is there */
	assert_string_equal(c.token, "one");
	tempfolder_free(token_folder);
	assert_int_equal(lines_of(12), 1);
}

static void in_cluster(void **state)
{
	struct credentials_flags flags = {0};

	(void)state;
	unsetenv("KUBERNETES_SERVICE_HOST");
	assert_false(credentials_load(&c, &flags, error));
	assert_non_null(strstr(error, "KUBERNETES_SERVICE_HOST"));
	credentials_fini(&c);
	flags.server = "ftp://x";
	assert_false(credentials_load(&c, &flags, error));
	assert_non_null(strstr(error, "ftp://x"));
	credentials_fini(&c);
	flags.server = "https://10.0.0.1:99999";
	assert_false(credentials_load(&c, &flags, error));
	assert_memory_equal(error, "API server \"https://10.0.0.1:99999\": Port number ", 48);
	credentials_fini(&c);
	flags.token_file = "/tmp";
	flags.server = "https://10.0.0.1:6443";
	assert_false(credentials_load(&c, &flags, error));
	assert_string_equal(error, "token file /tmp: Is a directory");
	credentials_fini(&c);
	flags.token_file = NULL;
	flags.server = "https://user:secret@x";
	assert_false(credentials_load(&c, &flags, error));
	assert_string_equal(error, "API server: user and password in the URL are not supported");
	credentials_fini(&c);
	flags.server = "https://"; /* without its slashes it would be "https:" */
	assert_false(credentials_load(&c, &flags, error));
	credentials_fini(&c);
	flags.server = "http:///";
	assert_false(credentials_load(&c, &flags, error));
	assert_string_equal(error, "API server \"http:///\": not an http:// or https:// URL");
	credentials_fini(&c);
	flags.server = "https://10.0.0.1:6443//";
	assert_true(credentials_load(&c, &flags, error));
	assert_string_equal(c.server, "https://10.0.0.1:6443");
	credentials_fini(&c);
	flags.ca_file = "/nonexistent/ca";
	assert_false(credentials_load(&c, &flags, error));
	assert_string_equal(error, "CA file /nonexistent/ca: No such file or directory");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(good),	  TEST(json_and_data),		 TEST(refused),	   TEST(file_missing),
		TEST(token_file), TEST(token_file_is_told_once), TEST(in_cluster),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
