/* What unit tests look at in a compiled service: include after <cmocka.h>. */
#ifndef TESTS_COMPILE_TEXT_H
#define TESTS_COMPILE_TEXT_H

#include "tests/unit/compile_bench.h"

/* "10.0.0.1:80 10.0.0.2:80", in slot order. */
static inline const char *pool_text(struct bench *b, const struct service_port *p, const struct pool *pool)
{
	char addr[ADDR_PORT_TEXT_BYTES];

	buf_clear(&b->text);
	buf_puts(&b->text, "");
	for (uint32_t i = 0; i < pool->count; i++) {
		const struct target *t = &p->targets[pool->slots[i]];
		buf_printf(&b->text, "%s%s", i != 0 ? " " : "", addr_port_format(&t->addr, t->port, addr));
	}
	return b->text.data;
}

static inline const struct frontend *frontend_at(const struct service *s, const char *addr, uint8_t proto,
						 uint16_t port)
{
	struct frontend_key key = {.addr = ip(addr), .proto = proto, .port = port};

	return service_frontend(s, &key);
}

#endif
