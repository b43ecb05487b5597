/*
 * Walking netlink messages and attributes: libmnl's loop macros do not compile with -Wconversion, and its mnl_nlmsg_ok
 * takes a message of over 2 GiB for one of negative length, which fits. Pure; any thread.
 */
#ifndef NETLINK_ATTRS_H
#define NETLINK_ATTRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <libmnl/libmnl.h>

struct messages { /* what one recv gave */
	const uint8_t *at;
	size_t left;
};

/* The next one; NULL at the end or where the rest makes no message. */
static inline const struct nlmsghdr *messages_next(struct messages *m)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)(const void *)m->at;
	size_t bytes;

	if (m->left < sizeof *nlh || nlh->nlmsg_len < sizeof *nlh || nlh->nlmsg_len > m->left)
		return NULL;
	bytes = ((size_t)nlh->nlmsg_len + 3) & ~(size_t)3;
	if (bytes > m->left)
		bytes = m->left;
	m->at += bytes;
	m->left -= bytes;
	return nlh;
}

struct attrs {
	const uint8_t *at, *end;
};

/* The attributes of a message, after its `header_bytes` of extra header. */
static inline struct attrs attrs_of(const struct nlmsghdr *nlh, size_t header_bytes)
{
	const uint8_t *first = mnl_nlmsg_get_payload_offset(nlh, header_bytes);

	return (struct attrs){first, (const uint8_t *)nlh + nlh->nlmsg_len}; /* libmnl's tail counts what pads it */
}

/* Those inside of another one; none where that is not there (NULL). */
static inline struct attrs attrs_in(const struct nlattr *nest)
{
	const uint8_t *payload = nest != NULL ? mnl_attr_get_payload(nest) : NULL;

	return nest != NULL ? (struct attrs){payload, payload + mnl_attr_get_payload_len(nest)} : (struct attrs){0};
}

/* The next one; NULL at the end or where the rest makes no attribute. */
static inline const struct nlattr *attrs_next(struct attrs *a)
{
	const struct nlattr *attr = (const struct nlattr *)(const void *)a->at;

	if (a->at >= a->end || !mnl_attr_ok(attr, (int)(a->end - a->at)))
		return NULL;
	a->at += MNL_ALIGN(attr->nla_len);
	return attr;
}

/* The first of that type; NULL: none. */
static inline const struct nlattr *attrs_find(struct attrs a, uint16_t type)
{
	const struct nlattr *attr;

	while ((attr = attrs_next(&a)) != NULL)
		if (mnl_attr_get_type(attr) == type)
			return attr;
	return NULL;
}

/* Copies a number of that many bytes; false, and nothing copied: there is none, or one of another length. */
static inline bool attrs_number(const struct nlattr *attr, void *number, size_t bytes)
{
	if (attr == NULL || mnl_attr_get_payload_len(attr) != bytes)
		return false;
	memcpy(number, mnl_attr_get_payload(attr), bytes);
	return true;
}

/* A text that ends inside of the attribute; NULL: it does not, or there is no attribute. */
static inline const char *attrs_text(const struct nlattr *attr)
{
	if (attr == NULL || mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) < 0)
		return NULL;
	return mnl_attr_get_str(attr);
}

#endif
