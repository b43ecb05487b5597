/* Sockets that go from one process to the next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd_message.h"
#include "base/inherited.h"
#include "base/listener.h"
#include "base/sock.h"
#include "tests/tempfolder.h"

static struct addr_port loopback(uint16_t port)
{
	return (struct addr_port){.addr = {AF_INET, {127, 0, 0, 1}}, .port = port};
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage ss;
	socklen_t bytes = sizeof ss;
	struct addr addr;

	assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &bytes), 0);
	return sock_parse(&addr, &ss);
}

static int listening(bool datagram)
{
	const struct listen_at at = {.at = loopback(0), .datagram = datagram};
	int fd = listener_socket(&at);

	assert_true(fd >= 0);
	return fd;
}

static void taken_by_address(void **state)
{
	const int tcp = listening(false), udp = listening(true);
	const struct addr_port tcp_at = loopback(port_of(tcp)), udp_at = loopback(port_of(udp));
	struct addr_port other = tcp_at;

	(void)state;
	other.addr.bytes[3] = 2;
	inherited_add(tcp);
	inherited_add(udp);
	assert_int_equal(inherited_take(&other, false), -1);
	assert_int_equal(inherited_take(&tcp_at, true), -1);
	assert_int_equal(inherited_take(&udp_at, true), udp);
	assert_int_equal(inherited_take(&udp_at, true), -1);
	assert_int_equal(listener_socket(&(struct listen_at){.at = tcp_at}), tcp);
	close(tcp);
	close(udp);
}

static void others_are_closed(void **state)
{
	int pipes[2], idle = socket(AF_INET, SOCK_STREAM, 0), tcp = listening(false);

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	inherited_add(pipes[0]);
	inherited_add(idle); /* it does not listen */
	assert_int_equal(close(pipes[0]), -1);
	assert_int_equal(close(idle), -1);
	inherited_add(tcp);
	inherited_close();
	assert_int_equal(close(tcp), -1);
	close(pipes[1]);
}

static void copies_of_what_listens(void **state)
{
	const int first = listening(false);
	const struct addr_port at = loopback(port_of(first));
	int fds[INHERITED_MAX];

	(void)state;
	close(first);
	const size_t before = inherited_copies(fds, INHERITED_MAX);
	assert_int_equal(before, 0);
	int fd = listener_socket(&(struct listen_at){.at = at});
	assert_true(fd >= 0);
	assert_int_equal(inherited_copies(fds, INHERITED_MAX), 1);
	assert_int_equal(port_of(fds[0]), at.port);
	close(fds[0]);
	close(fd);
	assert_int_equal(inherited_copies(fds, INHERITED_MAX), 0);
}

static void messages(void **state)
{
	char folder[TEMPFOLDER_BYTES], path[TEMPFOLDER_BYTES + 16];
	const int tcp = listening(false);
	struct fd_message m;

	(void)state;
	snprintf(path, sizeof path, "%s/s", tempfolder_new(folder, "inherited"));
	int listens = fd_message_listen(path);
	assert_true(listens >= 0);
	assert_int_equal(fd_message_accept(listens), -1);
	int to = fd_message_connect(path), from = fd_message_accept(listens);
	assert_true(to >= 0 && from >= 0);
	assert_true(fd_message_send(to, "sockets", &tcp, 1));
	assert_true(fd_message_receive(from, &m));
	assert_string_equal(m.word, "sockets");
	assert_int_equal(m.fd_count, 1);
	assert_int_equal(port_of(m.fds[0]), port_of(tcp));
	close(m.fds[0]);
	fd_message_limit(from, 10);
	assert_false(fd_message_receive(from, &m));
	assert_true(fd_message_send(to, "a word that is longer than any that there is", NULL, 0));
	assert_false(fd_message_receive(from, &m));
	close(to);
	assert_false(fd_message_receive(from, &m));
	int again = fd_message_listen(path); /* takes the path */
	assert_true(again >= 0);
	close(again);
	close(from);
	close(listens);
	close(tcp);
	tempfolder_free(folder);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(taken_by_address),
		cmocka_unit_test(others_are_closed),
		cmocka_unit_test(copies_of_what_listens),
		cmocka_unit_test(messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
