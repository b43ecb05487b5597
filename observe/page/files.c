/* The page's style and script, built in. */
#include "observe/page/files.h"

#include <stdio.h>

#include <openssl/evp.h>

#include "base/log.h"

#define BUILT_IN(name, file)                                                                                     \
	__asm__(".pushsection .rodata\n" #name ": .incbin \"" file "\"\n" #name "_end: .byte 0\n.popsection\n"); \
	extern const char name[], name##_end[]

BUILT_IN(page_style, "observe/page/page.css");
BUILT_IN(page_script, "observe/page/page.js");

#define SHA256_BYTES 32
#define BASE64_BYTES 48

static void digest(const char *from, const char *end, unsigned char text[BASE64_BYTES])
{
	unsigned char sum[SHA256_BYTES];

	if (EVP_Digest(from, (size_t)(end - from), sum, NULL, EVP_sha256(), NULL) != 1)
		fatalx("page: SHA-256 is missing from OpenSSL");
	EVP_EncodeBlock(text, sum, SHA256_BYTES);
}

void files_style(struct buf *out)
{
	buf_add(out, page_style, (size_t)(page_style_end - page_style));
}

void files_script(struct buf *out)
{
	buf_add(out, page_script, (size_t)(page_script_end - page_script));
}

void files_policy(char policy[FILES_POLICY_BYTES])
{
	unsigned char style[BASE64_BYTES], script[BASE64_BYTES];

	digest(page_style, page_style_end, style);
	digest(page_script, page_script_end, script);
	snprintf(policy, FILES_POLICY_BYTES,
		 "default-src 'none'; style-src 'sha256-%s'; script-src 'sha256-%s'; connect-src 'self'; base-uri "
		 "'none'; form-action 'none'; frame-ancestors 'none'",
		 (const char *)style, (const char *)script);
}
