/* Messages about nf_tables: how a question starts, and which table a message is about. Pure. */
#ifndef NFT_MESSAGE_H
#define NFT_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

struct nlmsghdr;

/* The message is about something of that table of family inet, whatever its type. */
bool message_is_of_table(const struct nlmsghdr *nlh, const char *table);

#define MESSAGE_QUESTION_BYTES 256
/* Starts a message about the table, or about one of its sets (NULL: none): room for more must be behind. */
struct nlmsghdr *message_question(void *room, uint16_t type, const char *table, const char *set);

#endif
