// UTF-8, replacement of text, Python's idea of white space, and GPT-2's alphabet in which every byte is one printable character.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pal {

// Byte offset of the first ill-formed sequence, or nothing where `text` is well-formed UTF-8.
std::optional<std::size_t> find_invalid_utf8(std::string_view text);

// Throws UserError where a text to tokenise is not UTF-8.
void check_utf8(std::string_view text);

// Each maximal ill-formed part becomes U+FFFD, as Rust's from_utf8_lossy and the WHATWG decoder do.
std::string replace_invalid_utf8(std::string_view bytes);

// The code point that starts at byte `offset`, which moves behind it. `text` is well-formed.
char32_t next_code_point(std::string_view text, std::size_t& offset);
char32_t previous_code_point(std::string_view text, std::size_t& offset);
void append_utf8(std::string& text, char32_t code_point);
std::u32string to_utf32(std::string_view text);
std::string to_utf8(std::u32string_view text);

// Replaces every `from` (not empty) in `text`, from the left, not again in what was put in.
void replace_all(std::string& text, std::string_view from, std::string_view to);

// str.isspace of Python, which Jinja's trim and white-space control rest on.
bool is_python_space(char32_t code_point);
// str.strip of Python: `characters` to strip, white space where there are none.
enum class Strip { kLeft, kRight, kBoth };
std::string_view strip(std::string_view text, Strip side, std::optional<std::string_view> characters = {});

// GPT-2's byte alphabet (bytes_to_unicode of openai/gpt-2's encoder.py): printable Latin-1 stands for itself, the
// other 68 bytes are U+0100 and up.
std::optional<std::uint8_t> byte_of_symbol(char32_t symbol);
// The bytes that a token in this alphabet stands for; nothing where it has a character outside it.
std::optional<std::string> bytes_of_token(std::string_view token);
// The reverse.
std::string token_of_bytes(std::string_view bytes);

}  // namespace pal
