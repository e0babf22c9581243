#include "pal/config/reference.h"

#include <gtest/gtest.h>

#include "example_config.h"

namespace pal {
namespace {

TEST(Reference, ShowsEveryOptionOfTheTable) {
  EXPECT_EQ(reference<example::RunConfig>("Options"), R"(# Options

| key | type | default | allowed | meaning |
|---|---|---|---|---|
| `seed` | integer | `1` |  | seed of all random streams |
| `data` | map | see below |  | what is learned from |
| `optimizer` | map | see below |  | how it is learned |
| `stages` | list, each element a map | `[]` |  | in order |
| `streams` | map of names, each value a map | `{}` |  | ways of the audio |

## `data`

what is learned from.

| key | type | default | allowed | meaning |
|---|---|---|---|---|
| `data.train` | path | required |  | manifest of the training clips |
| `data.weights` | map of names, each value a number | `{}` | above 0 | share of each source |

## `optimizer`

how it is learned.

| key | type | default | allowed | meaning |
|---|---|---|---|---|
| `optimizer.learning_rate` | number | `0.001` | above 0 | peak learning rate |
| `optimizer.dropout` | number | `0` | at least 0, below 1 | share of activations dropped |
| `optimizer.schedule` | text | `cosine` | one of cosine, linear, constant | fall of the rate |
| `optimizer.betas` | list, each element a number | `[0.9, 0.999]` | at least 0, below 1 | decay of the averages |
| `optimizer.clip` | null or a number | `~` | above 0 | largest gradient norm |
| `optimizer.fused` | true or false | `true` |  | one kernel for all \| a loop |

## `stages[]`

in order.

| key | type | default | allowed | meaning |
|---|---|---|---|---|
| `stages[].name` | text | required | not empty | name of the stage |
| `stages[].steps` | integer | `100` | at least 1, at most 1000000 | optimizer steps |
| `stages[].trainable` | list, each element text | `[]` |  | patterns of the trained tensors |

## `streams.<name>`

ways of the audio.

| key | type | default | allowed | meaning |
|---|---|---|---|---|
| `streams.<name>.name` | text | `""` |  | name of the stream |
| `streams.<name>.integration` | one of plits, lal | `plits` |  | how the audio enters |
| `streams.<name>.connector` | map | required |  | from the encoder to the decoder |
| `streams.<name>.layers` | all, {from: N} or a list of layers | `all` |  | layers that read the stream |

## `streams.<name>.connector`

from the encoder to the decoder.

| key | type | default | allowed | meaning |
|---|---|---|---|---|
| `streams.<name>.connector.type` | text | required | one of mlp, qformer, lookup | kind of connector |
| `streams.<name>.connector.hidden` | integer | `64` | at least 1; only for mlp, qformer | hidden width |
| `streams.<name>.connector.queries` | integer | `12` | at least 1; only for qformer | number of queries |
| `streams.<name>.connector.vocabulary` | path | required | only for lookup | file of words |
)");
}

}  // namespace
}  // namespace pal
