#include "token_decoder.h"

#include <charconv>

#include "unicode.h"

namespace pal {
namespace {

class ByteLevelDecoder : public TokenDecoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    std::string bytes;
    for (const std::string& token : tokens) bytes += bytes_of_token(token).value_or(token);
    tokens.assign(1, replace_invalid_utf8(bytes));
  }
};

class ReplaceDecoder : public TokenDecoder {
 public:
  ReplaceDecoder(std::string from, std::string to) : from_(std::move(from)), to_(std::move(to)) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) replace_all(token, from_, to_);
  }

 private:
  std::string from_;
  std::string to_;
};

class ByteFallbackDecoder : public TokenDecoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    std::vector<std::string> decoded;
    std::string bytes;
    const auto finish_bytes = [&] {
      if (!find_invalid_utf8(bytes)) {
        if (!bytes.empty()) decoded.push_back(bytes);
      } else {
        decoded.insert(decoded.end(), bytes.size(), "\uFFFD");
      }
      bytes.clear();
    };
    for (std::string& token : tokens) {
      if (const int byte = byte_of_token(token); byte >= 0) {
        bytes.push_back(static_cast<char>(byte));
      } else {
        finish_bytes();
        decoded.push_back(std::move(token));
      }
    }
    finish_bytes();
    tokens = std::move(decoded);
  }
};

class FuseDecoder : public TokenDecoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    std::string all;
    for (const std::string& token : tokens) all += token;
    tokens.assign(1, std::move(all));
  }
};

class StripDecoder : public TokenDecoder {
 public:
  StripDecoder(char32_t character, std::size_t start, std::size_t stop) : start_(start), stop_(stop) {
    append_utf8(character_, character);
  }
  void apply(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) {
      std::string_view left = token;
      for (std::size_t n = 0; n < start_ && left.starts_with(character_); ++n) left.remove_prefix(character_.size());
      for (std::size_t n = 0; n < stop_ && left.ends_with(character_); ++n) left.remove_suffix(character_.size());
      token = std::string(left);
    }
  }

 private:
  std::string character_;
  std::size_t start_;
  std::size_t stop_;
};

class MetaspaceDecoder : public TokenDecoder {
 public:
  MetaspaceDecoder(std::string mark, bool prefixed) : mark_(std::move(mark)), prefixed_(prefixed) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) {
      replace_all(token, mark_, prefixed_ && &token == &tokens.front() ? "" : " ");
    }
  }

 private:
  std::string mark_;
  bool prefixed_;
};

class WordpieceDecoder : public TokenDecoder {
 public:
  WordpieceDecoder(std::string prefix, bool cleanup) : prefix_(std::move(prefix)), cleanup_(cleanup) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) {
      const bool first = &token == &tokens.front();
      if (!first && token.starts_with(prefix_)) {
        token.erase(0, prefix_.size());
      } else if (!first) {
        token.insert(token.begin(), ' ');
      }
      if (cleanup_) clean_up(token);
    }
  }

 private:
  static void clean_up(std::string& token) {
    for (const auto& [from, to] : {std::pair{" .", "."}, {" ?", "?"}, {" !", "!"}, {" ,", ","}, {" ' ", "'"}, {" n't", "n't"},
                                   {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}})
      replace_all(token, from, to);
  }

  std::string prefix_;
  bool cleanup_;
};

}  // namespace

std::unique_ptr<TokenDecoder> make_byte_level_decoder() { return std::make_unique<ByteLevelDecoder>(); }

std::unique_ptr<TokenDecoder> make_replace_decoder(std::string from, std::string to) {
  return std::make_unique<ReplaceDecoder>(std::move(from), std::move(to));
}

std::unique_ptr<TokenDecoder> make_byte_fallback_decoder() { return std::make_unique<ByteFallbackDecoder>(); }

std::unique_ptr<TokenDecoder> make_fuse_decoder() { return std::make_unique<FuseDecoder>(); }

std::unique_ptr<TokenDecoder> make_strip_decoder(char32_t character, std::size_t start, std::size_t stop) {
  return std::make_unique<StripDecoder>(character, start, stop);
}

std::unique_ptr<TokenDecoder> make_metaspace_decoder(std::string mark, bool prefixed) {
  return std::make_unique<MetaspaceDecoder>(std::move(mark), prefixed);
}

std::unique_ptr<TokenDecoder> make_wordpiece_decoder(std::string prefix, bool cleanup) {
  return std::make_unique<WordpieceDecoder>(std::move(prefix), cleanup);
}

int byte_of_token(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>') return -1;
  const std::string_view digits = token.substr(3, 2);
  if (digits.find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos) return -1;
  int byte = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
  return byte;
}

}  // namespace pal
