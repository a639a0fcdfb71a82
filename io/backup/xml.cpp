#include "io/backup/xml.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace patronus::backup {
namespace {

constexpr std::string_view kXmlBlanks = " \t\r\n";
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";  // Azure begins with one

void append_utf8(std::string& out, uint32_t code) {
  const auto byte = [&](uint32_t value) { out.push_back(static_cast<char>(value)); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xc0 | code >> 6U);
    byte(0x80 | (code & 0x3fU));
  } else if (code < 0x10000) {
    byte(0xe0 | code >> 12U);
    byte(0x80 | (code >> 6U & 0x3fU));
    byte(0x80 | (code & 0x3fU));
  } else {
    byte(0xf0 | code >> 18U);
    byte(0x80 | (code >> 12U & 0x3fU));
    byte(0x80 | (code >> 6U & 0x3fU));
    byte(0x80 | (code & 0x3fU));
  }
}

// What is between '#' and ';' of a character reference.
bool append_numbered(std::string& out, std::string_view number) {
  const bool is_hex = number.starts_with('x');
  if (is_hex) number.remove_prefix(1);
  uint32_t code = 0;
  const auto [end, error] =
      std::from_chars(number.data(), number.data() + number.size(), code, is_hex ? 16 : 10);
  const bool is_character = code != 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  if (error != std::errc() || end != number.data() + number.size() || !is_character) return false;
  append_utf8(out, code);
  return true;
}

// References undone. Nothing: there is one that nobody knows, or a character that can't be in a document.
std::optional<std::string> xml_unescaped(std::string_view text) {
  static constexpr std::pair<std::string_view, char> kNamed[] = {
      {"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto code = static_cast<unsigned char>(text[i]);
    if (code < 0x20 && kXmlBlanks.find(text[i]) == std::string_view::npos) return std::nullopt;
    if (text[i] != '&') {
      out.push_back(text[i]);
      continue;
    }
    const size_t end = text.find(';', i);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view name = text.substr(i + 1, end - i - 1);
    const auto* known = std::find_if(std::begin(kNamed), std::end(kNamed),
                                     [&](const auto& one) { return one.first == name; });
    if (known != std::end(kNamed)) {
      out.push_back(known->second);
    } else if (!name.starts_with('#') || !append_numbered(out, name.substr(1))) {
      return std::nullopt;
    }
    i = end;
  }
  return out;
}

bool is_xml_name(std::string_view name) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
  };
  return !name.empty() && is_letter(name.front()) && std::all_of(name.begin(), name.end(), [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
}

class XmlParser {
 public:
  explicit XmlParser(std::string_view text) : rest_(text) {}

  std::optional<XmlElement> document() {
    if (rest_.starts_with(kByteOrderMark)) rest_.remove_prefix(kByteOrderMark.size());
    if (rest_.starts_with("<?xml ")) {
      const size_t end = rest_.find("?>");
      if (end == std::string_view::npos) return std::nullopt;
      rest_.remove_prefix(end + 2);
    }
    skip_blanks();
    XmlElement root;
    if (!element(root, 1)) return std::nullopt;
    skip_blanks();
    if (!rest_.empty()) return std::nullopt;
    return root;
  }

 private:
  void skip_blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(kXmlBlanks), rest_.size())); }

  bool take(std::string_view expected) {
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }

  bool take_name(std::string& into) {
    const std::string_view name = rest_.substr(0, rest_.find_first_of(" \t\r\n=/><"));
    if (!is_xml_name(name)) return false;
    into = name;
    rest_.remove_prefix(name.size());
    return true;
  }

  bool element(XmlElement& into, size_t depth) {
    if (depth > kXmlDepthMax || ++elements_ > kXmlElementsMax) return false;
    if (!take("<") || !take_name(into.name) || !attributes(into)) return false;
    if (take("/>")) return true;
    return take(">") && content(into, depth) && take(into.name) && (skip_blanks(), take(">"));
  }

  // Up to the end of the tag.
  bool attributes(XmlElement& into) {
    while (true) {
      const size_t before = rest_.size();
      skip_blanks();
      if (rest_.starts_with('>') || rest_.starts_with("/>")) return true;
      std::pair<std::string, std::string> one;
      if (rest_.size() == before || into.attributes.size() == kXmlAttributesMax || !take_name(one.first) ||
          !take("=") || rest_.empty())
        return false;
      const char quote = rest_.front();
      const size_t end = rest_.find(quote, 1);
      if ((quote != '"' && quote != '\'') || end == std::string_view::npos) return false;
      std::optional<std::string> value = xml_unescaped(rest_.substr(1, end - 1));
      if (!value || rest_.substr(0, end).find('<') != std::string_view::npos) return false;
      one.second = std::move(*value);
      into.attributes.push_back(std::move(one));
      rest_.remove_prefix(end + 1);
    }
  }

  // Text or children, not both, and what begins the end's tag.
  bool content(XmlElement& into, size_t depth) {
    while (true) {
      const size_t end = rest_.find('<');
      if (end == std::string_view::npos) return false;
      const std::string_view between = rest_.substr(0, end);
      rest_.remove_prefix(end);
      const bool is_blank = between.find_first_not_of(kXmlBlanks) == std::string_view::npos;
      const bool is_end = take("</");
      if (is_end && into.children.empty()) {
        std::optional<std::string> text = xml_unescaped(between);
        if (text) into.text = std::move(*text);
        return text.has_value();
      }
      if (!is_blank) return false;
      if (is_end) return true;
      if (!element(into.children.emplace_back(), depth + 1)) return false;
    }
  }

  std::string_view rest_;
  size_t elements_ = 0;
};

}  // namespace

const XmlElement* XmlElement::child(std::string_view wanted) const {
  const XmlElement* found = nullptr;
  for (const XmlElement& one : children) {
    if (one.name != wanted) continue;
    if (found != nullptr) return nullptr;
    found = &one;
  }
  return found;
}

std::string_view XmlElement::attribute(std::string_view wanted) const {
  for (const auto& [key, value] : attributes) {
    if (key == wanted) return value;
  }
  return {};
}

std::optional<XmlElement> parse_xml(std::string_view text) { return XmlParser(text).document(); }

}  // namespace patronus::backup
