#include "io/json/writer.h"

#include <array>
#include <charconv>
#include <cmath>

#include "io/json/utf8.h"

namespace patronus::json {
namespace {

void append_escape(std::string& out, unsigned char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (c) {
    case '"':
      out.append("\\\"");
      return;
    case '\\':
      out.append("\\\\");
      return;
    case '\n':
      out.append("\\n");
      return;
    case '\r':
      out.append("\\r");
      return;
    case '\t':
      out.append("\\t");
      return;
    default:
      out.append("\\u00");
      out.push_back(kHex[c >> 4U]);
      out.push_back(kHex[c & 15U]);
  }
}

template <typename T>
void append_integer(std::string& out, T number) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

}  // namespace

void append_quoted(std::string& out, std::string_view text) {
  out.push_back('"');
  size_t plain = 0;  // where the run begins that can be copied as it is
  size_t at = 0;
  while (at < text.size()) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c >= 0x20 && c < 0x7F && c != '"' && c != '\\') {
      ++at;
      continue;
    }
    const size_t length = c >= 0x80 ? utf8_sequence(text, at) : 0;
    if (length != 0) {
      at += length;
      continue;
    }
    out.append(text, plain, at - plain);
    if (c >= 0x80) {
      out.append("\xEF\xBF\xBD");
    } else {
      append_escape(out, c);
    }
    plain = ++at;
  }
  out.append(text, plain, at - plain);
  out.push_back('"');
}

void append_double(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out.append("null");
    return;
  }
  std::array<char, 40> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  const std::string_view text(digits.data(), static_cast<size_t>(end - digits.data()));
  out.append(text);
  // A whole number would otherwise read back as an integer, and a large one as none at all.
  if (text.find_first_of(".e") == std::string_view::npos) out.append(".0");
}

void Writer::separate() {
  if (needs_comma_) out_.push_back(',');
  needs_comma_ = true;
}

Writer& Writer::begin(char opening, char closing) {
  separate();
  out_.push_back(opening);
  open_.push_back(closing);
  needs_comma_ = false;
  return *this;
}

Writer& Writer::end() {
  if (open_.empty()) return *this;
  out_.push_back(open_.back());
  open_.pop_back();
  needs_comma_ = true;
  return *this;
}

void Writer::finish() {
  while (!open_.empty()) end();
}

Writer& Writer::key(std::string_view name) {
  separate();
  append_quoted(out_, name);
  out_.push_back(':');
  needs_comma_ = false;
  return *this;
}

Writer& Writer::value(std::string_view text) {
  separate();
  append_quoted(out_, text);
  return *this;
}

Writer& Writer::value(double number) {
  separate();
  append_double(out_, number);
  return *this;
}

Writer& Writer::value(std::nullptr_t) { return raw("null"); }

Writer& Writer::boolean(bool value) { return raw(value ? "true" : "false"); }

Writer& Writer::integer(int64_t number) {
  separate();
  append_integer(out_, number);
  return *this;
}

Writer& Writer::integer(uint64_t number) {
  separate();
  append_integer(out_, number);
  return *this;
}

Writer& Writer::raw(std::string_view json) {
  separate();
  out_.append(json);
  return *this;
}

}  // namespace patronus::json
