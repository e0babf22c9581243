// Members of tar files that tests write.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>

namespace pal {

// A ustar header; type 0: of an ordinary file. Source: POSIX.1-2017, pax, "ustar Interchange Format"
inline std::string tar_header(const std::string& name, std::size_t bytes, char type = '0') {
  std::string header(512, '\0');
  header.replace(0, name.size(), name);
  header.replace(100, 7, "0000644");
  header.replace(124, 11, fmt::format("{:011o}", bytes));
  header.replace(136, 11, "00000000000");
  header.replace(148, 8, "        ");
  header[156] = type;
  header.replace(257, 8, std::string("ustar\00000", 8));
  unsigned sum = 0;
  for (unsigned char c : header) sum += c;
  header.replace(148, 8, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
  return header;
}

// Header, content and what fills its last 512 bytes.
inline std::string tar_member(const std::string& name, const std::string& content) {
  return tar_header(name, content.size()) + content + std::string((512 - content.size() % 512) % 512, '\0');
}

}  // namespace pal
