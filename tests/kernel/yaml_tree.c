/*
 * Prints the value trees of YAML documents, for the comparison with another reader. Standard input: for each document
 * its length in bytes on a line, then the bytes. Output: a line each, "ok TREE" or "error LINE REASON". TREE is JSON:
 * null, ["b", true], ["i", "text", "integer"], ["f", "text"], ["s", "text"], ["l", …], ["m", [KEY, TREE], …].
 */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "watch/manifest/yaml.h"

static cJSON *tree(const struct value *v)
{
	static const char *const tags[] = {"n", "b", "f", "s", "l", "m"};
	cJSON *out = cJSON_CreateArray();
	char integer[32];

	cJSON_AddItemToArray(out, cJSON_CreateString(v->type == VALUE_NUMBER && v->whole ? "i" : tags[v->type]));
	if (v->type == VALUE_BOOL)
		cJSON_AddItemToArray(out, cJSON_CreateBool(v->boolean));
	else if (v->type == VALUE_STRING)
		cJSON_AddItemToArray(out, cJSON_CreateString(v->text));
	snprintf(integer, sizeof integer, "%" PRId64, v->integer);
	if (v->type == VALUE_NUMBER && v->whole)
		cJSON_AddItemToArray(out, cJSON_CreateString(integer));
	for (const struct value *c = v->first; c != NULL; c = c->next) {
		cJSON *entry = tree(c);
		if (v->type == VALUE_MAP)
			cJSON_InsertItemInArray(entry, 0, cJSON_CreateString(c->key));
		cJSON_AddItemToArray(out, entry);
	}
	return out;
}

static void document(struct yaml_parser *parser, const char *text, size_t bytes)
{
	struct arena *arena = arena_new(4096);
	struct yaml_chunk chunk = {.text = text, .length_bytes = bytes, .line = 1};
	const struct value *v;
	struct yaml_error error;
	cJSON *json;
	char *line;

	if (!yaml_parse(parser, &chunk, arena, &v, &error)) {
		printf("error %u %s\n", error.line, error.reason);
	} else if (v == NULL) {
		printf("ok [\"n\"]\n");
	} else {
		json = tree(v);
		line = cJSON_PrintUnformatted(json);
		printf("ok %s\n", line);
		cJSON_free(line);
		cJSON_Delete(json);
	}
	arena_free(arena);
}

int main(void)
{
	struct yaml_parser *parser = yaml_parser_new();
	size_t bytes;

	while (scanf("%zu", &bytes) == 1 && getchar() == '\n') {
		char *text = mem_alloc(bytes + 1);
		if (fread(text, 1, bytes, stdin) != bytes)
			return 1;
		document(parser, text, bytes);
		free(text);
	}
	yaml_parser_free(parser);
	return 0;
}
