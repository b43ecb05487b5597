#!/usr/bin/env bash
# Checks what the compiler does not: who may include whom, include circles, one door per library, forbidden calls, sizes, formatting,
# names that two files define, a clang build without warnings, shell scripts. Prints one line per finding; exit 1 when there is any.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
case "${1:-}" in
'' | --quick) ;;
*) echo "usage: tests/lint.sh [--quick]   (--quick: without the second compiler)" >&2; exit 2 ;;
esac
findings=$(mktemp)
trap 'rm -f "$findings"' EXIT

order='base watch netlink nft service dns proxy relay observe daemon cli'
ours_pattern="^(${order// /|})/.*\\.[ch]$"
mapfile -t ours < <(git ls-files | grep -E "$ours_pattern")
mapfile -t c_files < <(git ls-files '*.c' '*.h')
mapfile -t py_files < <(git ls-files '*.py')
mapfile -t sh_files < <(git ls-files '*.sh' .ci/run)
mapfile -t all_text < <(git ls-files | grep -Ev '\.json$|^tests/fuzz/corpus/|^tests/golden/cases/')

# folder | what it may include of ours, as prefixes: folders before it in the order of docs/architecture.md
include_table='
base    base/
watch   base/ watch/
netlink base/ netlink/
nft     base/ netlink/ nft/
service base/ watch/ nft/ service/
dns     base/ service/ dns/
proxy   base/ watch/ netlink/ nft/ service/ dns/ proxy/
relay   base/ service/ relay/
observe base/ watch/ nft/nft.h service/ dns/server/ proxy/ observe/
daemon  base/ watch/ netlink/ nft/ service/ dns/ proxy/ relay/ observe/ daemon/
cli     base/ watch/ netlink/ nft/ service/ dns/ proxy/ relay/ observe/ daemon/ cli/'

check_includes() {
	local file line header folder allowed prefix ok
	while IFS=: read -r file line header; do
		folder=${file%%/*}
		allowed=$(awk -v f="$folder" '$1 == f { $1 = ""; print }' <<<"$include_table")
		ok=
		for prefix in $allowed; do
			[[ $header == "$prefix"* ]] && ok=1
		done
		[ -n "$ok" ] || echo "$file:$line: $folder/ must not include $header"
	done < <(grep -nHoP '^#include "\K[^"]+' "${ours[@]}" /dev/null)
}

# A module is NAME.h and NAME.c. None may need, over others or not, a module that needs it. NAME_private.h, which the files
# of a larger module share, may include NAME.h.
check_circles() {
	python3 - "${ours[@]}" <<'EOT'
import re, sys
def module(path):
    return path[:-2]
needs = {}
for name in sys.argv[1:]:
    found = needs.setdefault(module(name), {})
    for number, line in enumerate(open(name), 1):
        m = re.match(r'#include "([^"]+)"', line)
        if m and module(m[1]) not in (module(name), module(name).removesuffix("_private")):
            found.setdefault(module(m[1]), f"{name}:{number}")
order, seen = [], set()
def reach(start, edges, out):
    todo = [(start, iter(edges.get(start, ())))]
    seen.add(start)
    while todo:
        at, rest = todo[-1]
        for to in rest:
            if to not in seen:
                seen.add(to)
                todo.append((to, iter(edges.get(to, ()))))
                break
        else:
            out.append(at)
            todo.pop()
for m in sorted(needs):
    if m not in seen:
        reach(m, needs, order)
back = {}
for m, found in needs.items():
    for to in found:
        back.setdefault(to, set()).add(m)
seen = set()
for m in reversed(order):
    if m not in seen:
        circle = []
        reach(m, back, circle)
        for a in sorted(circle) if len(circle) > 1 else ():
            for b in sorted(set(needs[a]) & set(circle)):
                print(f"{needs[a][b]}: circle: {a} needs {b}, which needs {a}")
EOT
}

# header pattern | the only folders | the most files (- = any number)
library_table='
curl/curl\.h       watch/         1
cjson/cJSON\.h     watch/         1
yaml\.h            watch/         1
libmnl/            nft/|netlink/  -
libnftnl/          nft/           -
linux/netfilter    nft/|netlink/  -
ares\.h            dns/           1
urcu               dns/           -
ldns/              cli/           -
xxhash\.h          base/          1
cap-ng\.h          base/          1
seccomp\.h         base/          1
ev\.h              base/event_loop|base/listener|base/mailbox|watch/|proxy/|relay/|observe/|daemon/|dns/ -'

check_libraries() {
	local header folders most file files
	while read -r header folders most; do
		[ -n "$header" ] || continue
		files=$(grep -lE "^#include <$header" "${ours[@]}" /dev/null)
		for file in $files; do
			[[ $file =~ ^($folders) ]] || echo "$file:1: <${header//\\/}> belongs behind one door in $folders"
		done
		if [ "$most" != - ] && [ "$(grep -c . <<<"$files")" -gt "$most" ]; then
			echo "$(head -1 <<<"$files"):1: <${header//\\/}> is included by more than $most file: ${files//$'\n'/ }"
		fi
	done <<<"$library_table"
}

check_words() {
	grep -nHE '\b(strcpy|strcat|sprintf|vsprintf|strtok|atoi|gets)\(' "${c_files[@]}" | sed 's/^\([^:]*:[0-9]*\):.*/\1: forbidden call/'
	grep -nHIE "\(reference [A-H](\.[0-9]|,|\))" "${all_text[@]}" | sed 's/^\([^:]*:[0-9]*\):.*/\1: a reference to a text that is not here/'
	# written in two halves, so that this file is not a finding
	grep -nHIE "TO""DO|FIX""ME|not imple""mented" "${all_text[@]}" | sed 's/^\([^:]*:[0-9]*\):.*/\1: unfinished work is marked here/'
	# in names, too
	grep -nHIiE '(^|[^a-z])(nobody|somebody|everybody|anybody|whoever|shall|foreign|mend|(kept|keep|keeps|stay|stays|is|are|not) in step)([^a-z]|$)' \
		"${c_files[@]}" "${py_files[@]}" "${sh_files[@]}" docs/*.md README.md NEWS | grep -vE '6nobody|nobody\.invalid|user=nobody|"nobody"|user .?nobody|= nobody|[^ a-z]nobody[^ a-z]|lint\.sh' |
		sed 's/^\([^:]*:[0-9]*\):.*/\1: name the subject: a program, a client, a thread/'
	grep -nHIE '(^|[^a-z.])/wor''k/' "${all_text[@]}" | sed 's/^\([^:]*:[0-9]*\):.*/\1: path of one machine/'
}

check_sizes() {
	local file lines
	for file in "${c_files[@]}" "${py_files[@]}" "${sh_files[@]}"; do
		lines=$(wc -l <"$file")
		[ "$lines" -le 400 ] || echo "$file:1: $lines lines; 400 is the limit"
	done
	# a function is what stands between a { and a } in the first column
	awk 'FNR == 1 { start = 0; limit = FILENAME ~ /^tests\// ? 60 : 40 } /^{/ { start = FNR }
		/^}/ && start { if (FNR - start - 1 > limit)
		print FILENAME ":" start ": a function of " FNR - start - 1 " lines; " limit " is the limit"; start = 0 }' "${c_files[@]}"
}

# the first line of a .c file says what the file is for
check_heads() {
	local file
	for file in "${c_files[@]}"; do
		[[ $file != *.c || $(head -c 2 "$file") == "/*" ]] || echo "$file:1: the first line must say what the file is for"
	done
}

check_format() {
	clang-format --dry-run "${c_files[@]}" 2>&1 | grep -oP '^[^ ]+:\d+(?=:\d+: warning: code should be)' | sort -u |
		sed 's/$/: not as clang-format writes it/'
}

check_clang() {
	make -j"$(nproc)" CC=clang BUILD=build/clang programs 2>&1 | grep -E ': (fatal )?(error|warning): |undefined reference|\*\*\*'
}

check_shell() { shellcheck -f gcc -x "${sh_files[@]}"; }

# A name of the outside world is in one file: the linker takes the first archive's, and says nothing.
check_twins() {
	local build=build/clang file objects=()
	[ -d "$build" ] || build=build
	for file in "${ours[@]}"; do
		[[ $file != *.c || ! -f $build/${file%.c}.o ]] || objects+=("$build/${file%.c}.o")
	done
	[ "${#objects[@]}" -ne 0 ] || { echo "Makefile:1: nothing is built: twins are not looked for"; return; }
	nm -AgP --defined-only "${objects[@]}" | awk -v skip="$((${#build} + 2))" '
		{ name = $2; sub(/\.o:$/, ".c", $1); file = substr($1, skip) }
		name in seen { print file ":1: " name " is defined in " seen[name] ", too" }
		{ seen[name] = file }'
}

check_python() {
	python3 - "${py_files[@]}" <<'EOT'
import ast, sys
for name in sys.argv[1:]:
    try:
        tree = ast.parse(open(name).read(), name)
    except SyntaxError as e:
        print(f"{name}:{e.lineno}: {e.msg}")
        continue
    imported = {(a.asname or a.name).split(".")[0]: n.lineno for n in ast.walk(tree)
                if isinstance(n, (ast.Import, ast.ImportFrom)) for a in n.names}
    used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    for word, line in imported.items():
        if word not in used and word != "*":
            print(f"{name}:{line}: {word} is imported and not used")
EOT
}

checks="includes circles libraries words sizes heads format shell python clang twins"
[ "${1:-}" != --quick ] || checks=${checks/ clang/} # without the second compiler
for check in $checks; do
	"check_$check" >>"$findings"
done
sort -t: -k1,1 -k2,2n "$findings"
if [ -s "$findings" ]; then
	echo "lint: $(wc -l <"$findings") findings"
	exit 1
fi
echo "lint: clean (${#c_files[@]} C files, ${#py_files[@]} Python, ${#sh_files[@]} shell)"
