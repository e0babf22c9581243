// How tokens become text again: the decoders of Hugging Face tokenizers.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pal {

// One step; the text is what all steps leave, put together. Thread-safe.
class TokenDecoder {
 public:
  virtual ~TokenDecoder() = default;
  virtual void apply(std::vector<std::string>& tokens) const = 0;
};

// ByteLevel: tokens in GPT-2's byte alphabet become one text; others, say added tokens with a space, stand for themselves.
std::unique_ptr<TokenDecoder> make_byte_level_decoder();
// Replace: every `from` (not empty) in a token becomes `to`.
std::unique_ptr<TokenDecoder> make_replace_decoder(std::string from, std::string to);
// ByteFallback: runs of tokens <0xNN> become characters; where they are no UTF-8, each becomes U+FFFD.
std::unique_ptr<TokenDecoder> make_byte_fallback_decoder();
// Fuse: all tokens become one.
std::unique_ptr<TokenDecoder> make_fuse_decoder();
// Strip: takes up to `start` times `character` from the beginning of each token and up to `stop` times from its end.
std::unique_ptr<TokenDecoder> make_strip_decoder(char32_t character, std::size_t start, std::size_t stop);
// Metaspace: `mark` becomes a space, and in the first token nothing where encoding put one there.
std::unique_ptr<TokenDecoder> make_metaspace_decoder(std::string mark, bool prefixed);
// WordPiece: `prefix` goes, other tokens but the first get a space before them; `cleanup`: none before . ? ! , and n't 's 've and such.
std::unique_ptr<TokenDecoder> make_wordpiece_decoder(std::string prefix, bool cleanup);

// The byte that a token <0xNN> stands for, or -1.
int byte_of_token(std::string_view token);

}  // namespace pal
