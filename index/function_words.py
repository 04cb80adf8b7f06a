"""Words that hold a sentence together and say little of its topic, in English and Chinese.

They stay in the index and in queries, with a small weight: a query of nothing but such words still finds, and a
question's "what is the" no longer outvotes its topic. The lists are our own; Chinese also has the pairs of characters
that questions are asked with.
"""

_ENGLISH = """
a an the this that these those
i me my mine we us our ours you your yours he him his she her hers it its they them their theirs one ones
who whom whose which what when where why how
and or but nor so yet if then than because while although though as until unless whether
of in on at by for with about against between into through during before after above below to from up down out off over
under among within without upon via per toward towards
is am are was were be been being have has had having do does did done doing can could may might must shall should will
would not no any some all each every both either neither few more most other others such only own same too very just
also there here again further once
s t d ll ve re m
"""

_CHINESE = """
的 了 是 在 和 与 或 吗 呢 吧 啊 么 什 哪 谁 个 有 为 之 其 这 那 我 你 他 她 它 们 也 都 就 而 及 于 以 被 把 从 到 对
不 会 甚 怎 如 何 多 少 几 请 问 能 可 要
什么 哪些 哪个 怎么 如何 为什 多少 是否 可以 哪里 怎样 何时 是什 是谁 的是 了什 哪一 一个 哪年 几年 请问
"""

ENGLISH = frozenset(_ENGLISH.split())
CHINESE = frozenset(_CHINESE.split())
