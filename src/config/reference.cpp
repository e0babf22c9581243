#include "pal/config/reference.h"

#include <fmt/format.h>

#include "pal/config/dump.h"
#include "pal/core/check.h"

namespace pal {

namespace {

std::string cell(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|') escaped += '\\';
    escaped += c == '\n' ? ' ' : c;
  }
  return escaped;
}

std::string code(std::string_view text) { return fmt::format("`{}`", cell(text)); }

std::string without_article(std::string_view type) {
  for (const std::string_view article : {"a ", "an "}) {
    if (type.starts_with(article)) return std::string(type.substr(article.size()));
  }
  return std::string(type);
}

class ReferenceWriter {
 public:
  std::string text;

  void write_struct(const std::string& path, Fields& fields) {
    PAL_ASSERT(++depth_ < 16, "the config struct at '{}' holds itself", path);
    text += "\n| key | type | default | allowed | meaning |\n|---|---|---|---|---|\n";
    for (const Field& field : fields.all()) write_row(path, field);
    for (Field& field : fields.all()) {
      field.value().visit_structs(join(path, field.key()),
                                  [&](const std::string& inner, Fields& inner_fields) {
                                    text += fmt::format("\n## `{}`\n\n{}.\n", inner, field.doc());
                                    write_struct(inner, inner_fields);
                                  });
    }
    --depth_;
  }

 private:
  static std::string join(const std::string& path, const std::string& key) {
    return path.empty() ? key : path + "." + key;
  }

  void write_row(const std::string& path, const Field& field) {
    text += fmt::format("| {} | {} | {} | {} | {} |\n", code(join(path, field.key())),
                        cell(without_article(field.value().type_name())), default_of(field),
                        cell(field.allowed()), cell(field.doc()));
  }

  static std::string default_of(const Field& field) {
    if (field.is_required()) return "required";
    return field.value().is_struct() ? "see below" : code(flow_text(field.value().write()));
  }

  int depth_ = 0;
};

}  // namespace

std::string reference_of(const std::string& title, Fields& fields) {
  ReferenceWriter writer;
  writer.text = fmt::format("# {}\n", title);
  writer.write_struct("", fields);
  return writer.text;
}

}  // namespace pal
