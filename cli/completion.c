/* `fairlead completion`: scripts for bash, zsh and fish, from the same tables as help. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static bool takes_file(const struct option *o)
{
	return o->value != NULL &&
	       (strcmp(o->value, "FILE") == 0 || strcmp(o->value, "DIR") == 0 || strcmp(o->value, "PATH") == 0);
}

static void put_words(const struct option *o)
{
	for (size_t i = 0; o->words[i] != NULL; i++)
		printf("%s%s", i > 0 ? " " : "", o->words[i]);
}

/* Within single quotes of any of the three shells: without what would end them or start something in zsh. */
static void put_text(const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		if (*p == '\'')
			fputs("\xe2\x80\x99", stdout);
		else if (strchr("[]:\\", *p) == NULL)
			putchar(*p);
		else
			putchar(' ');
}

static void put_commands(const char *between)
{
	for (const struct command *const *c = cli_commands; *c != NULL; c++)
		printf("%s%s", c != cli_commands ? between : "", (*c)->name);
}

/* ---- bash ---- */

static void bash_flags(const struct command *c)
{
	printf("\t%s) flags='", c->name);
	for (const struct option *o = c->options; o->name != NULL; o++)
		printf("%s%s ", option_dashes(o), o->name);
	printf("--help' ;;\n");
}

static void bash_values(const struct command *c)
{
	for (const struct option *o = c->options; o->name != NULL; o++) {
		if (o->kind == OPTION_CHOICE) {
			printf("\t%s:%s%s) words='", c->name, option_dashes(o), o->name);
			put_words(o);
			printf("' ;;\n");
		} else if (o->value != NULL) {
			printf("\t%s:%s%s) words=; files=%s ;;\n", c->name, option_dashes(o), o->name,
			       takes_file(o) ? "y" : "n");
		}
	}
}

static void bash(void)
{
	printf("# fairlead completion for bash: source <(fairlead completion bash)\n"
	       "_fairlead() {\n"
	       "\tlocal word=${COMP_WORDS[COMP_CWORD]} last=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]-}\n"
	       "\tlocal flags= words=none files=n\n"
	       "\tCOMPREPLY=()\n"
	       "\tif ((COMP_CWORD == 1)); then\n"
	       "\t\tmapfile -t COMPREPLY < <(compgen -W '");
	put_commands(" ");
	printf("' -- \"$word\")\n\t\treturn\n\tfi\n\tcase $command in\n");
	for (const struct command *const *c = cli_commands; *c != NULL; c++)
		bash_flags(*c);
	printf("\tesac\n\tcase $command:$last in\n");
	for (const struct command *const *c = cli_commands; *c != NULL; c++)
		bash_values(*c);
	printf("\tesac\n"
	       "\tif [[ $words != none && $files == y ]]; then\n"
	       "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
	       "\telif [[ $words != none ]]; then\n"
	       "\t\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
	       "\telif [[ $word == -* ]]; then\n"
	       "\t\tmapfile -t COMPREPLY < <(compgen -W \"$flags\" -- \"$word\")\n"
	       "\telif [[ $command == help ]]; then\n"
	       "\t\tmapfile -t COMPREPLY < <(compgen -W '");
	put_commands(" ");
	printf("' -- \"$word\")\n"
	       "\telif [[ $command == check ]]; then\n"
	       "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
	       "\tfi\n"
	       "}\n"
	       "complete -o filenames -F _fairlead fairlead\n");
}

/* ---- zsh ---- */

static void zsh_flags(const struct command *c)
{
	printf("\t%s) _arguments", c->name);
	for (const struct option *o = c->options; o->name != NULL; o++) {
		printf(" \\\n\t\t'%s%s[", option_dashes(o), o->name);
		put_text(o->help);
		putchar(']');
		if (o->value != NULL) {
			putchar(':');
			put_text(o->value);
			putchar(':');
		}
		if (o->kind == OPTION_CHOICE) {
			putchar('(');
			put_words(o);
			putchar(')');
		} else if (takes_file(o)) {
			printf("_files");
		}
		putchar('\'');
	}
	printf("%s ;;\n", strcmp(c->name, "check") == 0 ? " '*:PATH:_files'" : "");
}

static void zsh(void)
{
	printf("#compdef fairlead\n"
	       "# fairlead completion for zsh: fairlead completion zsh > a folder of $fpath, as _fairlead\n"
	       "_fairlead() {\n"
	       "\tlocal -a commands=(\n");
	for (const struct command *const *c = cli_commands; *c != NULL; c++) {
		printf("\t\t'%s:", (*c)->name);
		put_text((*c)->summary);
		printf("'\n");
	}
	printf("\t)\n"
	       "\tif ((CURRENT == 2)); then\n"
	       "\t\t_describe command commands\n"
	       "\t\treturn\n"
	       "\tfi\n"
	       "\tlocal command=$words[2]\n"
	       "\tshift words\n"
	       "\t((CURRENT--))\n"
	       "\tcase $command in\n");
	for (const struct command *const *c = cli_commands; *c != NULL; c++)
		zsh_flags(*c);
	printf("\tesac\n"
	       "}\n"
	       "[[ $funcstack[1] == _fairlead ]] && _fairlead \"$@\" || compdef _fairlead fairlead\n");
}

/* ---- fish ---- */

static void fish_flags(const struct command *c)
{
	for (const struct option *o = c->options; o->name != NULL; o++) {
		printf("complete -c fairlead -n '__fish_seen_subcommand_from %s' -%c %s -d '", c->name,
		       strlen(o->name) == 1 ? 's' : 'l', o->name);
		put_text(o->help);
		putchar('\'');
		if (o->kind == OPTION_CHOICE) {
			printf(" -x -a '");
			put_words(o);
			putchar('\'');
		} else if (o->value != NULL) {
			printf(takes_file(o) ? " -r -F" : " -x");
		}
		putchar('\n');
	}
}

static void fish(void)
{
	printf("# fairlead completion for fish: fairlead completion fish > ~/.config/fish/completions/fairlead.fish\n"
	       "complete -c fairlead -f\n");
	for (const struct command *const *c = cli_commands; *c != NULL; c++) {
		printf("complete -c fairlead -n __fish_use_subcommand -a %s -d '", (*c)->name);
		put_text((*c)->summary);
		printf("'\n");
	}
	for (const struct command *const *c = cli_commands; *c != NULL; c++)
		fish_flags(*c);
	printf("complete -c fairlead -n '__fish_seen_subcommand_from check' -F\n"
	       "complete -c fairlead -n '__fish_seen_subcommand_from help' -a '");
	put_commands(" ");
	printf("'\n");
}

static int completion(struct config *c, int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*print)(void);
	} shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};

	(void)c, (void)argc;
	for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
		if (strcmp(shells[i].name, argv[0]) == 0) {
			shells[i].print();
			return EXIT_YES;
		}
	fprintf(stderr, "fairlead completion: %s: must be bash, zsh or fish\n", argv[0]);
	return EXIT_USAGE;
}

const struct command cli_completion = {.name = "completion",
				       .options = options_common,
				       .arguments = "SHELL",
				       .arguments_min = 1,
				       .arguments_max = 1,
				       .summary = "print a script that completes commands and flags: bash, zsh or fish",
				       .run = completion};
