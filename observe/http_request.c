/* Reads the head of an HTTP/1.x request. */
#include "observe/http_request.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* A stretch of the head. */
struct span {
	const char *at;
	size_t length;
};

/* What the fields say that matters beyond one line. */
struct fields {
	unsigned hosts, lengths;
	bool encoded;		   /* there is a Transfer-Encoding */
	bool chunked_last;	   /* its last coding is chunked */
	unsigned codings, chunked; /* how many there are, how many of them chunked */
	bool close, keep_alive;
};

static void refuse(struct http_request *r, unsigned status, const char *why)
{
	if (r->status != 0)
		return;
	r->status = status;
	r->why = why;
}

/* ---- characters ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* RFC 9110 5.6.2 */
static bool is_tchar(char c)
{
	return is_alnum(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* RFC 9110 5.5: visible, blank, or of the obsolete upper half; never CR, LF, NUL or another control. */
static bool is_value(char c)
{
	const unsigned char byte = (unsigned char)c;

	return c == '\t' || (byte >= 0x20 && byte != 0x7f);
}

static bool is_token(struct span s)
{
	for (size_t i = 0; i < s.length; i++)
		if (!is_tchar(s.at[i]))
			return false;
	return s.length != 0;
}

static bool is_word(struct span s, const char *word)
{
	return s.length == strlen(word) && strncasecmp(s.at, word, s.length) == 0;
}

static struct span trim(struct span s)
{
	while (s.length != 0 && is_blank(s.at[0]))
		s = (struct span){s.at + 1, s.length - 1};
	while (s.length != 0 && is_blank(s.at[s.length - 1]))
		s.length--;
	return s;
}

/* The part before the mark, and *rest behind it; all of it, and an empty rest at its end, when there is none. */
static struct span cut(struct span s, char mark, struct span *rest)
{
	const char *at = s.length != 0 ? memchr(s.at, mark, s.length) : NULL;
	const size_t length = at != NULL ? (size_t)(at - s.at) : s.length;
	const size_t skip = at != NULL ? length + 1 : length;

	*rest = (struct span){s.at + skip, s.length - skip};
	return (struct span){s.at, length};
}

/* The next line without its end. RFC 9112 2.2: a lone LF ends a line, too. */
static struct span line_take(struct span *text)
{
	struct span line = cut(*text, '\n', text);

	if (line.length != 0 && line.at[line.length - 1] == '\r')
		line.length--;
	return line;
}

/* ---- the request line ---- */

int http_hex(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void path_decode(struct http_request *r, struct span path)
{
	size_t n = 0;

	for (size_t i = 0; i < path.length; i++) {
		char c = path.at[i];
		if (c == '%') {
			int high = i + 2 < path.length ? http_hex(path.at[i + 1]) : -1;
			int low = i + 2 < path.length ? http_hex(path.at[i + 2]) : -1;
			if (high < 0 || low < 0 || (high == 0 && low == 0)) {
				refuse(r, 400, "malformed request target");
				return;
			}
			c = (char)(high * 16 + low);
			i += 2;
		}
		if (n < sizeof r->path - 1)
			r->path[n++] = c;
	}
	r->path[n] = '\0';
}

static bool host_is_valid(struct span host)
{
	for (size_t i = 0; i < host.length; i++)
		if (!is_alnum(host.at[i]) && (host.at[i] == '\0' || strchr("-._~%!$&'()*+,;=:[]", host.at[i]) == NULL))
			return false;
	return true;
}

/* RFC 9112 3.2.2: what follows the authority of http://a/b; false: not of that form. */
static bool absolute_form(struct span *target)
{
	static const char *const schemes[] = {"http://", "https://"};

	for (size_t i = 0; i < 2; i++) {
		const size_t bytes = strlen(schemes[i]);
		if (target->length <= bytes || strncasecmp(target->at, schemes[i], bytes) != 0)
			continue;
		const char *at = target->at + bytes, *end = target->at + target->length, *host = at;
		while (at < end && *at != '/' && *at != '?')
			at++;
		*target = (struct span){at, (size_t)(end - at)};
		return at != host && host_is_valid((struct span){host, (size_t)(at - host)});
	}
	return false;
}

static void target_parse(struct http_request *r, struct span target, bool options)
{
	struct span query;

	for (size_t i = 0; i < target.length; i++)
		if ((unsigned char)target.at[i] <= 0x20 || (unsigned char)target.at[i] >= 0x7f || target.at[i] == '#')
			refuse(r, 400, "malformed request target");
	if (options && is_word(target, "*")) {
		r->whole_server = true;
		return;
	}
	if (target.length == 0 || target.at[0] != '/') {
		if (!absolute_form(&target)) {
			refuse(r, 400, "malformed request target");
			return;
		}
		r->whole_server = options && target.length == 0; /* RFC 9112 3.2.4 */
	}
	struct span path = cut(target, '?', &query);
	path_decode(r, path.length != 0 ? path : (struct span){"/", 1});
}

static void version_parse(struct http_request *r, struct span version)
{
	if (version.length != 8 || memcmp(version.at, "HTTP/", 5) != 0 || !is_digit(version.at[5]) ||
	    version.at[6] != '.' || !is_digit(version.at[7]))
		refuse(r, 400, "malformed request line");
	else if (version.at[5] != '1')
		refuse(r, 505, "HTTP version is not 1");
	else
		r->http10 = version.at[7] == '0';
}

/* Any method is answered, as in kube-proxy, except those whose success means something else than a page. */
static void request_line_parse(struct http_request *r, struct span line)
{
	struct span rest, version;
	struct span method = cut(line, ' ', &rest);
	struct span target = cut(rest, ' ', &version);

	version_parse(r, version);
	if (!is_token(method) || target.length == 0)
		refuse(r, 400, "malformed request line");
	if ((method.length == 7 && memcmp(method.at, "CONNECT", 7) == 0) ||
	    (method.length == 5 && memcmp(method.at, "TRACE", 5) == 0))
		refuse(r, 501, "method is not supported");
	if (r->status != 0)
		return;
	r->head = method.length == 4 && memcmp(method.at, "HEAD", 4) == 0;
	target_parse(r, target, method.length == 7 && memcmp(method.at, "OPTIONS", 7) == 0);
}

/* ---- fields ---- */

static void content_length(struct http_request *r, struct fields *f, struct span value)
{
	f->lengths++;
	r->body_bytes = 0;
	for (size_t i = 0; i < value.length; i++) {
		if (!is_digit(value.at[i]))
			refuse(r, 400, "malformed Content-Length");
		if (r->body_bytes > UINT64_MAX / 16)
			refuse(r, 413, "content is too large");
		else
			r->body_bytes = r->body_bytes * 10 + (uint64_t)(unsigned char)value.at[i] - '0';
	}
	if (value.length == 0 || f->lengths > 1)
		refuse(r, 400, "malformed Content-Length");
}

static void transfer_encoding(struct fields *f, struct span value)
{
	f->encoded = true;
	while (value.length != 0) {
		struct span coding = trim(cut(value, ',', &value));
		if (coding.length == 0)
			continue;
		f->codings++;
		f->chunked_last = is_word(coding, "chunked");
		f->chunked += f->chunked_last;
	}
}

static void connection(struct fields *f, struct span value)
{
	while (value.length != 0) {
		struct span option = trim(cut(value, ',', &value));
		f->close |= is_word(option, "close");
		f->keep_alive |= is_word(option, "keep-alive");
	}
}

static void expect(struct http_request *r, struct span value)
{
	if (r->http10)
		return; /* RFC 9110 10.1.1 */
	if (is_word(value, "100-continue"))
		r->expects_continue = true;
	else
		refuse(r, 417, "unknown expectation");
}

static void field_parse(struct http_request *r, struct fields *f, struct span line)
{
	struct span value;
	struct span name = cut(line, ':', &value);

	if (!is_token(name) || name.length == line.length) { /* folded lines and blanks before the colon, too */
		refuse(r, 400, "malformed field line");
		return;
	}
	for (size_t i = 0; i < value.length; i++)
		if (!is_value(value.at[i]))
			refuse(r, 400, "malformed field value");
	value = trim(value);
	if (is_word(name, "host")) {
		if (++f->hosts > 1 || !host_is_valid(value))
			refuse(r, 400, "malformed Host");
		snprintf(r->host, sizeof r->host, "%.*s", (int)value.length, value.at);
	} else if (is_word(name, "content-length")) {
		content_length(r, f, value);
	} else if (is_word(name, "transfer-encoding")) {
		transfer_encoding(f, value);
	} else if (is_word(name, "connection")) {
		connection(f, value);
	} else if (is_word(name, "expect")) {
		expect(r, value);
	}
}

/* RFC 9112 6.1 and 6.3: a length that could be told in two ways is refused. */
static void framing_decide(struct http_request *r, const struct fields *f)
{
	if (f->encoded && (r->http10 || f->lengths != 0))
		refuse(r, 400, "ambiguous length of the content");
	if (f->encoded && (!f->chunked_last || f->chunked != 1))
		refuse(r, 400, "malformed Transfer-Encoding");
	if (f->codings > 1)
		refuse(r, 501, "transfer coding is not supported");
	if (f->encoded)
		r->body = HTTP_BODY_CHUNKED;
	else if (f->lengths != 0 && r->body_bytes != 0)
		r->body = HTTP_BODY_COUNTED;
}

/* ---- the head ---- */

size_t http_head_length(struct http_head *h, const char *bytes, size_t length)
{
	for (size_t i = h->scanned; i < length; i++) {
		if (bytes[i] != '\n')
			continue;
		const size_t line_bytes = i - h->line - (i > h->line && bytes[i - 1] == '\r');
		if (line_bytes == 0 && h->begun)
			return i + 1;
		h->begun |= line_bytes != 0;
		h->line = i + 1;
	}
	h->scanned = length;
	return 0;
}

void http_request_parse(struct http_request *r, const char *head, size_t length)
{
	struct span text = {head, length}, line;
	struct fields f = {0};

	*r = (struct http_request){0};
	do
		line = line_take(&text);
	while (line.length == 0 && text.length != 0);
	request_line_parse(r, line);
	while (r->status == 0 && (line = line_take(&text)).length != 0)
		field_parse(r, &f, line);
	if (r->status == 0 && f.hosts == 0 && !r->http10)
		refuse(r, 400, "no Host");
	framing_decide(r, &f);
	r->keep_alive = r->status == 0 && !f.close && (!r->http10 || f.keep_alive);
}

void http_request_too_long(struct http_request *r, const char *bytes, size_t length)
{
	size_t start = 0;

	while (start < length && (bytes[start] == '\r' || bytes[start] == '\n'))
		start++;
	*r = (struct http_request){0};
	if (memchr(bytes + start, '\n', length - start) == NULL)
		refuse(r, 414, "request line is too long");
	else
		refuse(r, 431, "head is too large");
}
