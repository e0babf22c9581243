// Asks a trained checkpoint about a recording, with pal as a library: ask CHECKPOINT RECORDING QUESTION
#include <iostream>

#include "pal/core/check.h"
#include "pal/core/tool.h"
#include "pal/eval/generate.h"
#include "pal/train/session.h"

int main(int argc, char** argv) {
  return pal::run_tool("ask", [&]() -> int {
    if (argc != 4) throw pal::UserError("usage: ask CHECKPOINT RECORDING QUESTION");
    auto session = pal::open_session(pal::open_checkpoint(argv[1]), {}, pal::parse_device("auto"));
    const auto sample = session.question({argv[2]}, argv[3]);
    const auto batch = session.collator->collate({&sample}, pal::Purpose::kAnswering);
    const auto& tokenizer = session.collator->tokenizer();
    const auto answer = pal::generate(*session.model, batch, tokenizer.stop_tokens(), session.config.eval.generate).at(0);
    std::cout << tokenizer.decode(answer, /*skip_special=*/true) << "\n";
    return pal::kDone;
  });
}
