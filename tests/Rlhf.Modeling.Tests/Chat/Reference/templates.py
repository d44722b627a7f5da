"""Writes templates.json: what Jinja2 gives for small templates under the settings of transformers' apply_chat_template.
Run with jinja2 3.1 installed: python3 templates.py > templates.json"""
import json
import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment
import jinja2.ext

VARIABLES = {
    "s": "Hello, World", "e": "", "sp": "  pad \n", "u": "naïve 👍 你好\U00010400x", "n": 7, "neg": -3, "f": 2.5, "t": True, "no": False, "nil": None,
    "l": [3, 1, 2], "words": ["b", "A", "c", "a"], "d": {"b": 1, "a": "x", "items": 5, "n": None}, "nested": [{"k": "x", "v": 1, "o": {"p": 9}}, {"k": "y", "v": 2}, {"k": "x", "v": 3}],
    "lines": "one\n two\n\nthree", "html": "<a href='x'>&\"</a>", "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yo", "tool_calls": None}, {"role": "user", "content": [{"type": "text", "text": "T"}]}],
    "schema": {"name": "get", "parameters": {"type": "object", "properties": {"a": {"type": "number", "default": 1.0}, "é": {"enum": ["<", "\"", "\\", "\n", "\u0001", "\u007f"]}}, "required": []}}, "big": 18446744073709551615,
}
EXPRESSIONS = """1 + 2 * 3 - 4 // 3 % 2|1 / 2|7 // -2|-7 // 2|-7 % 3|7 % -3|2 ** 3 ** 2|-2 ** 2|2 ** -1|1e3|1.0|1e16|1e-5|123456789.123|0.1 + 0.2|1e22|-0.0|100000.0|5 / 5|10 ** 15|1_000
not t|not t and no|t or x.y|no and x.y|1 < 2 < 3|1 < 3 < 2|1 == 1.0|t == 1|'a' < 'b'|[1, 2] < [1, 3]|1 in l|4 not in l|'ell' in s|'a' in d|nil in [none]|not 1 in l|1 if t else 2|1 if no|(1 if no else 2) ~ 'x'|'a' if no else 'b' if t else 'c'
1 ~ 'a' ~ none ~ true ~ 1.5|'a' 'b'|'a' * 3|3 * 'ab'|[1] * 2 + [2]|(1, 2)|(1,)|()|[1, 'a', none, true, 2.0]|{'a': 1, 2: [3]}|{}|[]|'%s and %d' % ('x', 3)|'%5.1f/%-5s/%05d' % (2.25, 'a', 42)|'%s' % l|'100%%' % ()
s[0]|s[-1]|s[1:4]|s[::-1]|s[:-1]|s[-3:]|s[::2]|s[10:2:-2]|s[100:]|u[6]|u[7:9]|u|length|u[::-1]|l[0]|l[-1]|l[5]|l[1:]|l[::-1]|d['a']|d.a|d.b|d['zz']|d.zz is defined|d['items']|nested[0].k|nested[0]['o'].p|nested[-1].v|l.0|messages[1:][0].role|(1, 2, 3)[1:]
s.upper()|s.lower()|s.title()|'hello wORLD'.capitalize()|sp.strip()|sp.lstrip() ~ '|'|sp.rstrip() ~ '|'|'xxaxx'.strip('x')|'abcba'.lstrip('ab')|s.split(', ')|s.split(',')[-1].strip()|' a  b '.split()|'a,b,c'.split(',', 1)|'a,b,c'.rsplit(',', 1)|' a b c '.split(none, 1)|'a b c '.rsplit(none, 1)|s.startswith('He')|s.endswith(('x', 'ld'))|s.replace('l', 'L')|s.replace('l', 'L', 2)|'ab'.replace('', '-')|s.find('o')|s.rfind('o')|s.find('zz')|u.find('你')|s.count('l')|'-'.join(['a', 'b'])|'12'.isdigit()|'1a'.isalnum()|'ab'.isalpha()|' '.isspace()|'AB'.isupper()|'a\\nb\\r\\nc'.splitlines()|'a\\nb\\n'.splitlines(true)|'abc'.partition('b')|'abcb'.rpartition('b')|'7'.zfill(3)|'-7'.zfill(4)|'a'.center(4) ~ '|'|'a'.center(5, '*')|'ab'.ljust(4, '.')|'ab'.rjust(4)|'pre-x'.removeprefix('pre-')|'x.y'.removesuffix('.y')|'{} {1}'.format('a', 'b')|'{0}-{x}'.format('a', x=2)|'{{}}'.format()|s.swapcase()|'Ab Cd'.istitle()|'abc'.index('c')
d.keys()|list|d.values()|list|d.get('a')|d.get('q')|d.get('q', 3)|nested[0].items()|list|l.index(2)|l.count(1)|l.append(4)|d.update({})|d.pop('a')|l.copy()|s.nope|s.nope()|nil.x|x|x.y|x + 1|x == 1|x is defined|x|length|x|default('D')|nil|default('D')|nil|default('D', true)|e|d('E', boolean=true)
l|first|l|last|l|sort|l|sort(reverse=true)|words|sort|words|sort(case_sensitive=true)|words|join|words|join('+')|nested|map(attribute='k')|list|nested|map(attribute='o.p')|list|nested|map(attribute='q', default=0)|list|words|map('upper')|list|l|map('string')|join(',')|nested|selectattr('k', 'equalto', 'x')|list|length|nested|selectattr('o')|list|length|nested|rejectattr('k', 'eq', 'x')|map(attribute='v')|list|l|select('gt', 1)|list|l|reject('odd')|list|l|select('odd')|list|l|sum|nested|sum(attribute='v')|l|max|l|min|words|max|nested|groupby('k')|list|length|nested|groupby('k')|map('first')|list|words|unique|list|[1, 1, 2]|unique|list|l|reverse|list|s|reverse|l|length|s|count|d|length|s|upper|s|lower|s|title|s|capitalize|sp|trim ~ '|'|'xax'|trim('x')|s|replace('l', 'x')|lines|indent|lines|indent(2, true)|lines|indent(2, first=true, blank=true)|lines|indent('>>')|html|e|html|escape|html|safe|html|string|n|string ~ '!'|'42'|int|'4x'|int|'4x'|int(-1)|'3.9'|int|'ff'|int(base=16)|2.9|int|'2.5'|float|'x'|float|n|float|2.675|round(2)|2.5|round|3.5|round|2.1|round(method='ceil')|2.19|round(1, 'floor')|neg|abs|d|dictsort|d|items|list|l|batch(2)|list|l|slice(2)|list|[1,2,3,4,5]|slice(2, 0)|list|'a b c'|wordcount|'hello big world of text'|truncate(12)|'hello big world of text'|truncate(12, true)|'hello'|truncate(4)|'a b/c?'|urlencode|'%s!'|format('x')|l|list|s|list|first|d|list|u|upper|'a'|center(3) ~ '|'|s|attr('nope')|{'a': {'b': 2}}|tojson|schema|tojson|schema|tojson(indent=2)|schema|tojson(sort_keys=true)|schema|tojson(separators=(',', ':'))|u|tojson|u|tojson(ensure_ascii=true)|l|tojson|nil|tojson|1.0|tojson|t|tojson|big|tojson|big|x|tojson|html|tojson|{1: 2, none: 3, true: 4}|tojson|[]|tojson(indent=2)|(1, 2)|tojson|1e100|tojson
s is string|n is string|n is number|f is float|n is integer|t is integer|t is boolean|l is sequence|s is sequence|d is mapping|l is mapping|l is iterable|n is iterable|nil is none|nil is not none|x is undefined|x is not defined|n is odd|n is even|n is divisibleby 7|n is divisibleby(2)|'a' is in ['a']|1 is in l|s is eq 'x'|n is ge 7|n is lessthan 3|n == 7 is true|t is true|t is sameas true|range is callable|s is callable|'abc' is lower|'ABC' is upper|'upper' is filter|'odd' is test|d is defined and d.a is string|(1,2) is sequence|x is iterable
range(3)|list|range(1, 10, 3)|list|range(5, 0, -2)|list|range(3)|dict(a=1, b=2)|namespace(a=1).a|range(10)[2:5]|list|range(3)|length|range(4)[1]|joiner('|')()|-1|abs|-n|abs|+n|n|string|length|[1, 2,]|{'a': 1,}|l[0] + l[1] * 2|'a' ~ 1 + 2|'x' in 'xy' and 'y'|not 'a' in 'b'|l|map('abs')|sum|d.a|upper ~ d.b|(d.a|upper).lower()|[[1, 2], [3]]|map('sum')|list|nested|map(attribute='k')|unique|join('/')|'a' is string and 'b'|none|string|true|string|none ~ ''|1.5|string|l|string|d|string|'it' in x|u|list|length|lines.split('\\n')|length|{'k': l}.k[1]|messages|selectattr('role', 'equalto', 'user')|list|length|messages|map(attribute='role')|join(' ')|messages[2].content[0].text|messages[1].tool_calls is none|messages[0].tool_calls is defined|schema.parameters.properties|length"""
TEMPLATES = [
    """{{ ["it's", 'q"q', 'both\\'"', 'b\\\\s', 'n\\nl\\t\\r', 'é👍', '\\x01\\x7f\\u200b'] }}""", "{{ '\\u00e9\\x41\\t|' }}{{ 'a\\qb' }}{{ '\\\\' }}{{ '\\101' }}", "{{ '\\U0001F44D' }}", "{{ \"it's\" }}",
    "{% for x in l %}{{ loop.index }}/{{ loop.length }}:{{ x }}{% if not loop.last %}, {% endif %}{% endfor %}", "{% for x in [] %}x{% else %}none{% endfor %}", "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for x in l if x > 1 %}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ x }} {% endfor %}", "{% for x in l %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }} {% endfor %}", "{% for x in l %}{{ loop.cycle('a', 'b') }}{% endfor %}",
    "{% for x in [1, 1, 2] %}{% if loop.changed(x) %}{{ x }}{% endif %}{% endfor %}", "{% for x in range(10) %}{% if x == 2 %}{% continue %}{% endif %}{% if x > 4 %}{% break %}{% endif %}{{ x }}{% endfor %}", "{% for (a, (b, c)) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for a in 'x👍y' %}[{{ a }}]{% endfor %}", "{% for k in d %}{{ k }}{% endfor %}", "{% for x in y %}a{% else %}b{% endfor %}", "{% for x in nil %}{% endfor %}", "{% for x in l %}{% for y in l %}{{ loop.depth }}{% endfor %}{{ loop.depth0 }}{% endfor %}",
    "{% set x = 1 %}{% for i in l %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }}", "{% set ns = namespace(x=0) %}{% for i in l %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}", "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "{% set a = 1, 2 %}{{ a }}", "{% if t %}{% set q = 5 %}{% endif %}{{ q }}",
    "{% set x %}a{{ n }}b{% endset %}{{ x }}{{ x|length }}", "{% set x | upper | trim %} a{{ n }}b {% endset %}[{{ x }}]", "{% filter upper %}abc{{ s }}{% endfilter %}", "{% filter replace('a', 'b')|trim %} aXa {% endfilter %}!",
    "{% macro m(a, b=2, c=a) %}{{ a }}-{{ b }}-{{ c }}{% endmacro %}{{ m(1) }} {{ m(1, 3) }} {{ m(b=5, a=4) }} {{ m.name }}", "{% macro m(a) %}{{ a is defined }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m() }}{{ m(1, 2, 3) }}{{ m(1, z=2) }}",
    "{% macro outer() %}<{{ caller() }}>{% endmacro %}{% call outer() %}in{{ n }}{% endcall %}", "{% macro each(xs) %}{% for x in xs %}{{ caller(x) }}{% endfor %}{% endmacro %}{% call(y) each(l) %}[{{ y }}]{% endcall %}", "{% set g = 1 %}{% macro m() %}{{ g }}{% endmacro %}{% set g = 2 %}{{ m() }}",
    "{% macro fact(x) %}{% if x <= 1 %}1{% else %}{{ x * (fact(x - 1)|int) }}{% endif %}{% endmacro %}{{ fact(5) }}", "{% with a = 1, b = n %}{{ a }}{{ b }}{% endwith %}{{ a }}", "{% if no %}1{% elif n == 7 %}2{% else %}3{% endif %}", "{% if e %}1{% elif nil %}2{% else %}3{% endif %}",
    "a\n{% if t %}\nb\n{% endif %}\nc\n", "a\n  {% if t %}  \n  b\n  {%- endif %}\nc", "  {{ n }}  \n  {% if t %}x{% endif %}\n", "a {%- if t -%} b {%- endif -%} c", "a {%+ if t +%}\n b {% endif %}", "x\n\n{{- n -}}\n\ny", "{# c #}\nx {#- y -#}\n z", "  {# c #}  x", "a\n   {# c #}\nb", "{% raw %}{{ x }}{% endraw %}", "a {%- raw -%} {% x %} {%- endraw -%} b", "\n\n{{ n }}\n\n",
    "a\r\nb{% if t %}\r\nc{% endif %}", "{{ 'a\\nb' }}{{ \"{{\" }}", "{{ {'a': {'b': 1}} }}", "{{ {'a': {'b': 1}}['a']['b'] }}", "x{%- for i in l %}\n  {{ i }}\n{%- endfor %}", "{% for i in l -%}\n  {{ i }}\n{% endfor %}y", "{{ raise_exception('no ' ~ n) }}", "{% if n == 7 %}{{ raise_exception('seven') }}{% endif %}",
    "{{ 1 +", "{% if %}", "{% for x in %}{% endfor %}", "{% if t %}", "{% endif %}", "{{ x | nofilter }}", "{{ x is notest }}", "{% foo %}", "{{ 'a }}", "{# x", "{{ l[ }}", "{{ 1 2 }}", "{{ (1 }}", "{{ a b }}", "{% set %}", "{% set 1 = 2 %}", "{% break %}", "{% macro %}{% endmacro %}", "{{ n.x.y }}", "{{ 1 / 0 }}", "{{ 1 // 0 }}", "{{ 1 + 'a' }}", "{{ 1 < 'a' }}", "{{ n() }}", "{{ nil[0] }}", "{{ nil[0].x }}", "{{ l.x.y }}", "{{ n|length }}", "{{ {[]: 1} }}",
    "{{ 'a' if x }}", "{%- set m = messages[0] -%}{{ m.role }}: {{ m['content'] }}", "{% for m in messages %}{{ m.role }}{% if m.content is string %}{{ m.content }}{% else %}{% for c in m.content %}{{ c.text }}{% endfor %}{% endif %}{% endfor %}", "{{- '' -}}{{ [1,2,3]|map('string')|join }}", "{{ ''.join(['a']) }}{{ \"\\\"\" }}", "{% set loop_messages = messages[1:] %}{{ loop_messages|length }}", "{% for x in l | sort | reverse %}{{ x }}{% endfor %}", "{% for x in l + [9] %}{{ x }}{% endfor %}", "{% for x in (1, 2) %}{{ x }}{% endfor %}", "{% for x in 1, 2 %}{{ x }}{% endfor %}",
    "{% for i in range(3) %}{{ i }}{{ ',' if not loop.last }}{% endfor %}", "{{ namespace(a=1)['a'] }}{{ namespace({'z': 3}).z }}", "{% set ns = namespace() %}{% set ns.l = [] %}{% set ns.l = ns.l + [1] %}{{ ns.l }}{{ ns.q is defined }}", "{% set x = [] %}{% set _ = x.append(1) %}{{ x }}", "{{ [1, 2][true] }}", "{{ l|map(attribute='x')|list }}", "{% generation %}a{% endgeneration %}", "{%- generation -%} a {%- endgeneration -%} b", "a\n{% generation %}\nb{% endgeneration %}\nc",
]


class Generation(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_pass"), [], [], body).set_lineno(line)

    def _pass(self, caller):
        return caller()


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
environment.filters["tojson"] = tojson
environment.globals["raise_exception"] = raise_exception
out = {"made_with": "jinja2 " + jinja2.__version__, "variables": VARIABLES, "cases": []}
# A bar that ends an expression stands with no space around it; filters have one on the left in this list only where they follow text.
import re
expressions, pending = [], ""
FILTERS = set(environment.filters)
for line in EXPRESSIONS.split("\n"):
    parts = line.split("|")
    current = parts[0]
    for part in parts[1:]:
        name = re.match(r"[a-z]+", part)
        whole = re.match(r"[a-z]+(\(|\)|$| |\.)", part)
        quotes = (current.count("'") - current.count("\\'")) % 2
        if quotes or (whole and name.group(0) in FILTERS and (name.group(0) not in ("e", "d") or part.startswith("d(") or part == "e") and part != "count"):
            current += "|" + part
        else:
            expressions.append(current)
            current = part
    expressions.append(current)
for source in ["{{ " + expression + " }}" for expression in expressions] + TEMPLATES:
    try:
        out["cases"].append({"template": source, "rendered": environment.from_string(source).render(**VARIABLES)})
    except Exception as fault:
        out["cases"].append({"template": source, "error": type(fault).__name__ + ": " + str(fault)[:100], "raised": type(fault) is jinja2.exceptions.TemplateError})
print(json.dumps(out, ensure_ascii=False, indent=0))
