// The little XML that services of objects answer with: elements, their attributes and text. Strict, so that
// an answer that was cut short is not taken for all of it; and without what an attacker could use, such as
// entities of a document's own.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace patronus::backup {

inline constexpr size_t kXmlElementsMax = 200'000;  // a page has some thirty for each of its names
inline constexpr size_t kXmlDepthMax = 16;
inline constexpr size_t kXmlAttributesMax = 16;  // of one element

struct XmlElement {
  std::string name;
  std::string text;  // of one without children
  std::vector<std::pair<std::string, std::string>> attributes;
  std::vector<XmlElement> children;

  // The only child of this name. Null: there is none, or several.
  const XmlElement* child(std::string_view wanted) const;
  // Empty: there is no such attribute.
  std::string_view attribute(std::string_view wanted) const;
};

// Nothing: it is no such document, or too large or too deep for one.
[[nodiscard]] std::optional<XmlElement> parse_xml(std::string_view text);

}  // namespace patronus::backup
