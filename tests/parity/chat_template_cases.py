"""Chat templates and what Python's jinja2, set up as transformers sets it up, makes of them.

  python tests/parity/chat_template_cases.py > tests/text/chat_template_cases.json

The templates are written for these tests, in the manner of those of SmolLM2, Llama 3, Qwen, Mistral, Llama 2 and
Vicuna; small ones cover one construct each.
"""
import json
import random
import sys

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

CHATML = ("{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
          "{{ '<|im_start|>system\nBe brief.<|im_end|>\n' }}{% endif %}"
          "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
          "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")

LLAMA3 = """{{- bos_token }}
{%- if custom_tools is defined %}
    {%- set tools = custom_tools %}
{%- endif %}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "1 Jan 2020" %}
    {%- endif %}
{%- endif %}
{#- The system message comes first. #}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if tools is not none %}
    {%- for t in tools %}
        {{- t | tojson(indent=4) }}
    {%- endfor %}
{%- endif %}
{{- "Date: " + date_string + "\\n\\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls|length == 1 %}
            {{- raise_exception("One call at once!") }}
        {%- endif %}
        {%- for name, value in message.tool_calls[0].arguments | items %}
            {{- name + '="' + value + '"' }}
        {%- endfor %}
    {%- elif message.role == "tool" %}
        {%- if message.content is mapping or message.content is iterable %}
            {{- message.content | tojson }}
        {%- else %}
            {{- message.content }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
"""

QWEN3 = """{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- for tool in tools %}
        {{- "\\n" }}
        {{- tool | tojson }}
    {%- endfor %}
{%- else %}
    {%- if messages[0].role == 'system' %}
        {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
    {%- endif %}
{%- endif %}
{%- set ns = namespace(searching=true, last_query=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.searching and message.role == "user" and message.content is string and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
        {%- set ns.searching = false %}
        {%- set ns.last_query = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.content is string %}
        {%- set content = message.content %}
    {%- else %}
        {%- set content = '' %}
    {%- endif %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set thoughts = '' %}
        {%- if message.thoughts is string %}
            {%- set thoughts = message.thoughts %}
        {%- elif '</think>' in content %}
            {%- set thoughts = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {%- if loop.index0 > ns.last_query %}
            {%- if loop.last or (not loop.last and thoughts) %}
                {{- '<|im_start|>' + message.role + '\\n<think>\\n' + thoughts.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
            {%- else %}
                {{- '<|im_start|>' + message.role + '\\n' + content }}
            {%- endif %}
        {%- else %}
            {{- '<|im_start|>' + message.role + '\\n' + content }}
        {%- endif %}
        {%- if message.tool_calls %}
            {%- for call in message.tool_calls %}
                {%- if (loop.first and content) or (not loop.first) %}
                    {{- '\\n' }}
                {%- endif %}
                {{- call.name ~ (call.arguments | tojson) }}
            {%- endfor %}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == "tool" %}
        {%- if loop.first or (messages[loop.index0 - 1].role != "tool") %}
            {{- '<|im_start|>user' }}
        {%- endif %}
        {{- '\\n<tool_response>\\n' + content + '\\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}
            {{- '<|im_end|>\\n' }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}"""

MISTRAL = """{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %}
{%- set ns = namespace() %}
{%- set ns.index = 0 %}
{%- for message in loop_messages %}
    {%- if not (message.role == "tool" or (message.tool_calls is defined and message.tool_calls is not none)) %}
        {%- if (message["role"] == "user") != (ns.index % 2 == 0) %}
            {{- raise_exception("user and assistant must alternate") }}
        {%- endif %}
        {%- set ns.index = ns.index + 1 %}
    {%- endif %}
{%- endfor %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if tools is not none and (message == user_messages[-1]) %}
            {%- for tool in tools %}
                {%- set tool = tool.function %}
                {%- for key, val in tool.items() if key != "return" %}
                    {{- '"' + key + '": ' + val|tojson }}
                {%- endfor %}
            {%- endfor %}
        {%- endif %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST]" + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST]" + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif message["role"] == "assistant" %}
        {{- message["content"] + eos_token}}
    {%- else %}
        {{- raise_exception("Only user and assistant roles are supported!") }}
    {%- endif %}
{%- endfor %}
"""

LLAMA2 = """{% if messages[0]['role'] == 'system' %}
{% set rest = messages[1:] %}
{% set system_message = '<<SYS>>\\n' + messages[0]['content'].strip() + '\\n<</SYS>>\\n\\n' %}
{% else %}
{% set rest = messages %}
{% set system_message = '' %}
{% endif %}
{% for message in rest %}
{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
{{ raise_exception('Roles must alternate') }}
{% endif %}
{% if loop.index0 == 0 %}
{% set content = system_message + message['content'] %}
{% else %}
{% set content = message['content'] %}
{% endif %}
{% if message['role'] == 'user' %}
{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{% elif message['role'] == 'assistant' %}
{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}
{% endfor %}"""

VICUNA = """{%- set names = {'user': 'USER', 'assistant': 'ASSISTANT'} -%}
{%- for message in messages -%}
{%- if message.role == 'system' -%}
{{ message.content }}
{%- else -%}
{{ (' ' if not loop.first else '') ~ names[message.role] }}: {{ message.content }}
{%- endif -%}
{%- if message.role == 'assistant' %}{{ eos_token }}{% endif -%}
{%- endfor -%}
{%- if add_generation_prompt %} ASSISTANT:{% endif %}
"""

USER = [{"role": "user", "content": "What do you hear?"}]
CHATS = [
    USER,
    [{"role": "user", "content": "  Hello \n"}, {"role": "assistant", "content": " A dog.\n"}],
    [{"role": "system", "content": " Be exact. "}, {"role": "user", "content": "Q1"},
     {"role": "assistant", "content": "<think>\nhm\n</think>\n\nA1"}, {"role": "user", "content": "Q2 \u00e9\u4f60"}],
    [{"role": "system", "content": "S"}, {"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"},
     {"role": "user", "content": "<tool_response>x</tool_response>"}, {"role": "assistant", "content": "B"}],
    [{"role": "assistant", "content": "first"}, {"role": "user", "content": "second"}],
    [{"role": "user", "content": ""}, {"role": "tool", "content": "t1"}, {"role": "tool", "content": "t2"}],
    [],
]

SMALL = [
    # white space
    "a\n  {% if true %}\nb\n  {% endif %}\nc\n", "a {%- if true -%}  b  {%- endif -%} c", "a\n  {%+ if true %}x{% endif +%}\ny",
    "  {{ 1 }}  \n  {{- 2 -}}  \n 3", "a\n   {# note #}\nb", "a {#- note -#} b", "a\n   {#+ note +#}\nb", "x\r\ny\rz\n\n",
    "{% if true %}  \n x{% endif %}\n\n y", "{%- for i in range(3) %}\n {{ i }}\n{%- endfor %}\n", "{{ '{%' }} {{ \"}}\" }}",
    "{{ {'a': {'b': 1}}.a.b }}", "\n\n{% set x = 1 %}\n\n{{ x }}", "  {% set x = 1 %}  {% set y = 2 %}\n{{ x }}{{ y }}",
    "\u00a0{%- if true %}\u2003x{% endif %}", "{{ 1 }}\n{{ 2 }}\n", "{{-1}}{{ -1 }}{{- 1 }}", "{% if true -%}\n\n  a\n\n{%- endif %}",
    # texts
    "{{ 'a\\x41\\u00e9\\U0001F600\\q\\\\n\\'\\\"\\t|' }}", "{{ 'x' 'y' \"z\" }}", "{{ 'h\u00e9llo'[1] }}{{ 'h\u00e9llo'[-1] }}{{ 'h\u00e9llo'[1:3] }}",
    "{{ 'abc'[::-1] }}{{ 'abcdef'[4:1:-2] }}{{ 'abc'[5:] }}{{ 'abc'[-9:2] }}{{ 'abc'[:-1] }}", "{{ 'abc'[7] is defined }}",
    "{{ '  a '|trim }}|{{ 'xaxbx'|trim('x') }}|{{ '\u3000a\u00a0'.strip() }}|{{ 'aab'.lstrip('a') }}|{{ 5|trim }}|{{ none|trim }}",
    "{{ 'a,b,,c'.split(',') | join('|') }}{{ ' a  b '.split() | join('|') }}{{ 'a,b,c'.split(',', 1) | join('|') }}",
    "{{ 'straSSe \u0130 \u03a3\u03a3'|lower }}{{ 'stra\u00dfe \ufb01'|upper }}{{ 'Abc'.upper() }}{{ 'Abc'.lower() }}",
    "{{ 'banana'|replace('an', 'N') }}{{ 'banana'.replace('a', '') }}", "{{ 'abc'.startswith('ab') }}{{ 'abc'.endswith('x') }}",
    "{{ 'h\u00e9\U0001F600'|length }}{{ [1,2]|length }}{{ {'a':1}|count }}{{ nothing|length }}", "{{ 'b' in 'abc' }}{{ 'x' not in 'abc' }}{{ '' in '' }}",
    "{{ 'a' ~ 1 ~ none ~ true ~ nothing ~ 'b' }}", "{{ 'b' > 'a' }}{{ '\uffff' < '\U00010000' }}{{ 'a' == 'a' }}{{ 'a' == 1 }}",
    # numbers and logic
    "{{ 7 // 2 }}{{ -7 // 2 }}{{ 7 % 3 }}{{ -7 % 3 }}{{ 7 % -3 }}{{ 2 - -1 }}{{ 2 * 3 + 4 }}{{ 2 + 3 * 4 }}", "{{ 1000 }}",
    "{{ true + 1 }}{{ 1 == true }}{{ 1 < 2 < 3 }}{{ 3 > 2 > 2 }}{{ 1 != 1 }}", "{{ '' or 'b' }}{{ 0 and 'x' }}{{ not 1 == 2 }}{{ not (1 and 0) }}",
    "{{ 'y' if 1 else 'n' }}{{ 'y' if 0 else 'n' if 0 else 'm' }}{{ 'y' if 0 }}", "{{ true }}{{ False }}{{ none }}{{ None is none }}",
    "{{ 2 ~ 3 * 2 }}{{ (1 + 2) ~ 'x' }}{{ 'n' ~ 1 ~ 2 }}", "{{ 1 if false else 2 if true else 3 }}", "{{ - 3 }}{{ -(1 + 2) }}",
    # undefined
    "{{ nothing }}|{{ nothing is defined }}{{ nothing is not defined }}{{ nothing is undefined }}{{ not nothing }}", "{{ nothing == other }}{{ nothing == none }}{{ 'x' in nothing }}",
    "{% for x in nothing %}x{% else %}none{% endfor %}", "{{ nothing | default('d') }}{{ '' | default('d') }}{{ '' | default('d', true) }}{{ none | default('d', boolean=true) }}",
    "{{ messages[0].nothing is defined }}{{ messages[99] is defined }}{{ none.x is defined }}", "{{ nothing is iterable }}{{ nothing is sequence }}{{ nothing is string }}{{ nothing is none }}",
    # lists and dictionaries
    "{{ [1, 'a', none, true, {'k': [], 'e': {}}] | tojson }}{{ 'q\"\\\\\\n\\x01\u00e9' | tojson }}", "{{ [1, {'a': [2, 3], 'b': {}}, []] | tojson(indent=2) }}", "{{ messages | tojson }}",
    "{{ [1, 2, 3][1] }}{{ [1, 2, 3][-1] }}{{ [1, 2, 3][1:] | join(',') }}{{ [3, 4] | first }}{{ [3, 4] | last }}{{ 'xy' | first }}", "{{ ([1] + [2, 3]) | join('-') }}{{ [1] == [1] }}{{ [1] == [2] }}",
    "{% for k, v in {'x': 1, 'y': 2}.items() %}{{ k }}={{ v }};{% endfor %}{% for k in {'x': 1} %}{{ k }}{% endfor %}", "{% for k, v in {'x': 1}|items %}{{ k }}{{ v }}{% endfor %}",
    "{{ {'a': 1, 'a': 2}.a }}{{ {'a': 1}['a'] }}{{ {'a': 1}.get('b', 7) }}{{ {'a': 1}.get('b') }}{{ {'a': 1}.keys() | list | join }}{{ {'a': 5}.values() | list | join }}",
    "{{ dict(a=1, b='x') | tojson }}", "{{ 'a' in {'a': 1} }}{{ 1 in [1, 2] }}{{ 3 not in (1, 2) }}{{ true in [1] }}", "{{ messages | map(attribute='role') | join(',') }}",
    "{{ messages | selectattr('role', 'equalto', 'user') | list | length }}{{ messages | rejectattr('role', 'eq', 'user') | list | length }}{{ messages | selectattr('name') | list | length }}",
    "{{ range(5) | join }}{{ range(2, 5) | join }}{{ range(5, 0, -2) | join }}", "{{ messages[0] == messages[0] }}{{ messages[0] != messages[-1] }}",
    # tests
    "{{ 1 is number }}{{ true is number }}{{ 1 is integer }}{{ true is integer }}{{ true is boolean }}{{ 1 is true }}{{ true is true }}{{ false is false }}",
    "{{ 'a' is string }}{{ [] is iterable }}{{ {} is mapping }}{{ [] is mapping }}{{ 'a' is sequence }}{{ 1 is iterable }}{{ none is none }}", "{{ 3 is odd }}{{ 3 is even }}{{ 6 is divisibleby 3 }}{{ 6 is divisibleby(4) }}",
    "{{ 'a' is in ['a'] }}{{ 1 is eq 1 }}{{ 1 is ne(2) }}{{ 2 is gt 1 }}{{ 2 is lessthan 1 }}{{ 'x' is not string }}",
    # statements
    "{% for i in [1, 2, 3] %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }};{% endfor %}",
    "{% for i in [1, 2, 3] %}{{ loop.previtem is defined }}{{ loop.nextitem }};{% endfor %}", "{% for i in [1, 2, 3, 4] if i % 2 == 0 %}{{ loop.index }}:{{ i }} {% endfor %}",
    "{% for i in [1, 2, 3] %}{% if i == 2 %}{% continue %}{% endif %}{{ i }}{% endfor %}{% for i in [1, 2, 3] %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% endfor %}",
    "{% set x = 0 %}{% for i in [1, 2, 3] %}{{ x }}{% set x = x + 1 %}{{ x }} {% endfor %}{{ x }}", "{% set y = 1 %}{% for i in [1, 2] %}{% for j in [1, 2] %}{% set y = y + 1 %}{{ y }}{% endfor %}{% set y = y + 10 %}{{ y }}|{% endfor %}",
    "{% for i in [1] %}{% set q = 5 %}{% endfor %}{{ q is defined }}{% if true %}{% set z = 1 %}{% endif %}{{ z }}", "{% set x %}a{% set y = 3 %}{{ y }}b{% endset %}{{ x }}|{{ y }}|{{ x | upper }}",
    "{% for a, b in [[1, 2], [3, 4]] %}{{ a }}{{ b }}{% endfor %}{% for c in 'h\u00e9' %}{{ c }}.{% endfor %}", "{% for x in [[1, 2], [3]] %}{% for y in x %}{{ loop.index }}{{ y }}{% endfor %}{{ loop.index }}{% endfor %}",
    "{% set ns = namespace(a=1, b='x') %}{% for i in [1, 2] %}{% set ns.a = ns.a + i %}{% endfor %}{{ ns.a }}{{ ns.b }}{{ ns.c is defined }}", "{% if 0 %}a{% elif '' %}b{% elif [1] %}c{% else %}d{% endif %}{% if not {} %}e{% endif %}",
    "{% for i in [] %}x{% else %}empty{% endfor %}{% for i in [1] %}{{ i }}{% else %}empty{% endfor %}", "{% set a = 1, 2 %}{{ a | join('-') }}{% set b = (1,) %}{{ b | length }}{{ () | length }}",
    "{{ bos_token }}{{ eos_token }}{{ tools is none }}{{ tools is defined }}{{ documents is none }}{{ add_generation_prompt }}", "{% set messages = messages[1:] %}{{ messages | length }}",
    # exceptions that are errors in both
    "{{ raise_exception('no ' ~ 'way') }}", "{{ nothing.x }}", "{{ nothing + 'a' }}", "{{ 'a' + 1 }}", "{{ 1 // 0 }}", "{{ none | length }}", "{{ 'a' < 1 }}", "{{ nothing() }}", "{% for a, b in [[1]] %}{% endfor %}",
    "{{ 1 in 'a' }}", "{{ messages.0 ", "{% if x %}", "{% endif %}", "{{ }}", "{% for x of y %}{% endfor %}", "{{ 'open }}", "{{ (1 }}", "{% set true = 1 %}", "{{ x is nosuchtest }}", "{{ x | nosuchfilter }}", "{# open",
]

# What jinja2 renders and pal refuses by name.
REFUSED = [
    ("{% macro f() %}{% endmacro %}", "macro"), ("{% raw %}{{ x }}{% endraw %}", "raw"), ("{% filter upper %}a{% endfilter %}", "filter"),
    ("{{ 1.5 }}", "1."), ("{{ 1 / 2 }}", "/"), ("{{ 2 ** 3 }}", "**"), ("{{ 'a' * 3 }}", "*"), ("{{ '%s' % 'a' }}", "%"), ("{{ [1, 2] }}", "list"), ("{{ {'a': 1} }}", "dictionary"),
    ("{{ 'a b'.title() }}", "title"), ("{{ 'ab' | title }}", "title"), ("{{ [2, 1] | sort | join }}", "sort"), ("{{ 'x' | safe }}", "safe"), ("{{ range }}", "function"), ("{{ messages[0].items }}", "items"),
    ("{% for x in [1] %}{{ loop.cycle('a', 'b') }}{% endfor %}", "cycle"), ("{% set a, b = 1, 2 %}", "several"), ("{{ cycler('a') }}", "cycler"), ("{% with a = 1 %}{% endwith %}", "with"), ("{{ 'a'.join(['b']) }}", "join"),
    ("{{ {1: 2} | tojson }}", "key"), ("{% for x in [1] recursive %}{% endfor %}", "recursive"), ("{{ 'a'.upper }}", "upper"), ("{{ +1 }}", "+"), ("{{ x is callable }}", "callable"),
]


def environment():
    """As transformers' _compile_jinja_template."""
    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[jinja2.ext.loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    return env


def case(template, messages, generate=False):
    record = {"template": template, "messages": messages, "generate": generate}
    try:
        record["output"] = environment().from_string(template).render(
            messages=messages, tools=None, documents=None, add_generation_prompt=generate, bos_token="<s>",
            eos_token="</s>")
    except (jinja2.exceptions.TemplateError, TypeError, ValueError, ZeroDivisionError):
        record["output"] = None
    return record


def all_cases():
    cases = [case(template, messages, generate) for template in (CHATML, LLAMA3, QWEN3, MISTRAL, LLAMA2, VICUNA)
             for messages in CHATS for generate in (False, True)]
    cases += [case(template, CHATS[1]) for template in SMALL]
    for template, name in REFUSED:
        record = case(template, CHATS[1])
        assert record["output"] is not None, template
        cases.append({"template": template, "messages": CHATS[1], "generate": False, "output": None, "names": name})
    return cases


def random_cases(seed, count):
    """Random templates out of small parts; most render, some are errors in both."""
    rng = random.Random(seed)

    def pick(*choices):
        return rng.choice(choices)

    def text(depth=0):
        if depth > 2 or rng.random() < 0.3:
            return pick("'a'", "' b '", "'\u00e9x'", "t", "nothing|string", "bos_token", "messages[0].role", "messages[0]['content']", "messages[-1].content",
                        "''", "'\\n'", "'a' 'b'", "ns.t")
        a, b, n = text(depth + 1), text(depth + 1), number(depth + 1)
        return pick(f"({a} + {b})", f"{a} ~ {n} ~ {b}", f"({a})|trim", f"({a})|upper|default({b})", f"({a} if {truth(depth + 1)} else {b})", f"({a} or {b})", f"({a}).strip()",
                    f"({a})|list|join('-')", f"({a})[1:]", f"({a})[{n}:]", f"({a})[:{n}]", f"({a})[::-1]", f"({a})|replace('a', {b})", f"({a} ~ '!').split('a')[-1]",
                    f"({a})|tojson", f"({n})|string", f"({a}).lstrip('a')", f"({a} ~ 'z')[0]", f"({a} ~ 'z')|first", f"(nothing|default({a}))", f"({a} if {truth(depth + 1)})")

    def number(depth=0):
        if depth > 2 or rng.random() < 0.3:
            return pick("1", "-2", "7", "0", "n", "messages|length", "true", "ns.n")
        a, b = number(depth + 1), number(depth + 1)
        return pick(f"({a} + {b})", f"({a} - {b})", f"{a} * {b}", f"({a} // 3)", f"({a}) % -2", f"-({a})", f"({text(depth + 1)})|length", f"({a} and {b})")

    def truth(depth=0):
        if depth > 2 or rng.random() < 0.3:
            return pick("true", "false", "nothing", "[]", "t", "n", "{'k': 1}", "none")
        a, b, s, m = truth(depth + 1), truth(depth + 1), text(depth + 1), number(depth + 1)
        return pick(f"({a} and {b})", f"({a} or {b})", f"not ({a})", f"{s} == {text(depth + 1)}", f"{m} < {number(depth + 1)}", f"{s} in ({text(depth + 1)})",
                    f"{s} not in [{s}, 'a']", f"({s}).startswith({text(depth + 1)})", f"({a}) is defined", f"nothing is not defined", f"({s}) is string",
                    f"({a}) is none", f"({m}) is odd", f"0 <= {m} < 5", f"{s} != {m}", f"messages[{m}] is defined", f"[{m}] == [{m}, 1]")

    def expression():
        return pick(text, number, lambda: f"({truth()}) is true")()

    def space():
        return pick("", " ", "\n", "  \n", "\n  ", "\t", "x", " y\n")

    def tag(content, kind="%"):
        if kind == "{":
            return pick("{{", "{{-") + " " + content + " " + pick("}}", "-}}")
        return pick("{%", "{%-", "{%+") + " " + content + " " + pick("%}", "-%}", "+%}")

    def body(depth=0):
        parts = []
        for _ in range(rng.randint(1, 4)):
            parts.append(space())
            kind = rng.randint(0, 7)
            if kind <= 2 or depth > 2:
                parts.append(tag(expression(), "{"))
            elif kind == 3:
                parts.append(tag(f"if {truth()}") + body(depth + 1) + pick("", tag("else") + body(depth + 1), tag(f"elif {truth()}") + body(depth + 1)) + tag("endif"))
            elif kind == 4:
                parts.append(tag(f"for {pick('x', 'y', 'm')} in {pick('messages', '[1, 2]', 'range(3)', '(1, 2)', text())}") + body(depth + 1)
                             + tag("{{ loop.index }}"[3:-3], "{") + pick("", tag("else") + space()) + tag("endfor"))
            elif kind == 5:
                parts.append(tag(pick(f"set {pick('t', 'ns.t')} = {text()}", f"set {pick('n', 'ns.n')} = {number()}")))
            elif kind == 6:
                parts.append("{#" + pick("", "-", "+") + " note " + pick("", "-", "+") + "#}")
            else:
                parts.append(tag("set t") + body(depth + 1) + tag("endset"))
        parts.append(space())
        return "".join(parts)

    return [case("{% set ns = namespace(n=0, t='c') %}{% set t = 'd' %}{% set n = 3 %}" + body(), CHATS[rng.randint(0, 4)], rng.random() < 0.5) for _ in range(count)]


if __name__ == "__main__":
    json.dump(all_cases(), sys.stdout, indent=0, ensure_ascii=False)
    print()
