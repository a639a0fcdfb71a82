#include "io/json/validator.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <deque>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace patronus::json {
namespace {

struct Key {
  std::string_view text;
  size_t offset;
};

struct Container {
  bool is_object;
  size_t first_key;  // where the object's keys begin in the stack of keys
};

class Validator {
 public:
  Validator(std::string_view text, const ParseLimits& limits)
      : text_(text), limits_(limits), depth_max_(std::min(limits.depth_max, kDepthCeiling)) {}

  std::optional<Error> run() {
    if (text_.size() > limits_.bytes_max) fail("the text is too long", limits_.bytes_max);
    if (text_.starts_with("\xEF\xBB\xBF")) fail("a byte order mark is not allowed", 0);
    while (!error_ && !done_) step();
    if (!error_) {
      skip_space();
      if (at_ < text_.size()) fail("text after the end of the value", at_);
    }
    return std::move(error_);
  }

 private:
  // One value with what leads up to it: a key when an object is open.
  void step() {
    if (!open_.empty() && open_.back().is_object && !key()) return;
    skip_space();
    if (at_ >= text_.size()) return fail("the text ends too early", at_);
    switch (text_[at_]) {
      case '{':
      case '[':
        return enter();
      case '"':
        ++at_;
        if (!string(nullptr)) return;
        break;
      case 't':
        if (!literal("true")) return;
        break;
      case 'f':
        if (!literal("false")) return;
        break;
      case 'n':
        if (!literal("null")) return;
        break;
      default:
        if (!number()) return;
    }
    after_value();
  }

  void enter() {
    const bool is_object = text_[at_] == '{';
    if (open_.size() >= depth_max_) return fail("nested too deeply", at_);
    open_.push_back({is_object, keys_.size()});
    ++at_;
    skip_space();
    if (at_ < text_.size() && text_[at_] == (is_object ? '}' : ']')) {
      if (leave()) after_value();
      return;
    }
    count_member();
  }

  bool leave() {
    ++at_;
    const Container closed = open_.back();
    open_.pop_back();
    return !closed.is_object || check_keys(closed.first_key);
  }

  // After a value come commas and closing brackets, until another value is due or the text is whole.
  void after_value() {
    while (!open_.empty()) {
      skip_space();
      if (at_ >= text_.size()) return fail("the text ends too early", at_);
      const char c = text_[at_];
      if (c == ',') {
        ++at_;
        return count_member();
      }
      if (c != (open_.back().is_object ? '}' : ']')) {
        return fail(open_.back().is_object ? "expected , or }" : "expected , or ]", at_);
      }
      if (!leave()) return;
    }
    done_ = true;
  }

  void count_member() {
    if (++members_ > limits_.members_max) fail("too many members", at_);
  }

  bool key() {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != '"') return refuse("expected a key in quotes", at_);
    const size_t offset = at_++;
    std::string_view raw;
    if (!string(&raw)) return false;
    keys_.push_back({raw.find('\\') == std::string_view::npos ? raw : unescape(raw), offset});
    skip_space();
    if (at_ >= text_.size() || text_[at_] != ':') return refuse("expected : after the key", at_);
    ++at_;
    return true;
  }

  // Two readers may disagree on which of two equal keys counts, so neither is taken. Sorting keeps this fast
  // for any choice of keys, which hashing would not.
  bool check_keys(size_t first) {
    const auto begin = keys_.begin() + static_cast<std::ptrdiff_t>(first);
    std::sort(begin, keys_.end(), [](const Key& a, const Key& b) {
      return a.text != b.text ? a.text < b.text : a.offset < b.offset;
    });
    const auto twin =
        std::adjacent_find(begin, keys_.end(), [](const Key& a, const Key& b) { return a.text == b.text; });
    if (twin != keys_.end()) return refuse("the same key twice in one object", std::next(twin)->offset);
    keys_.resize(first);
    if (keys_.empty()) unescaped_.clear();
    return true;
  }

  // The text of a key that has passed string(), so every escape in it is whole.
  std::string_view unescape(std::string_view raw) {
    std::string& out = unescaped_.emplace_back();
    for (size_t i = 0; i < raw.size(); ++i) {
      if (raw[i] != '\\') {
        out.push_back(raw[i]);
        continue;
      }
      const char c = raw[++i];
      if (c != 'u') {
        constexpr std::string_view kFrom = "bfnrt";
        const size_t known = kFrom.find(c);
        out.push_back(known == std::string_view::npos ? c : "\b\f\n\r\t"[known]);
        continue;
      }
      char32_t code = hex4(raw, i + 1).value_or(0);
      i += 4;
      if (code >= 0xD800 && code < 0xDC00) {
        code = 0x10000 + ((code - 0xD800) << 10U) + (hex4(raw, i + 3).value_or(0xDC00) - 0xDC00);
        i += 6;
      }
      append_utf8(out, code);
    }
    return out;
  }

  static std::optional<char32_t> hex4(std::string_view text, size_t at) {
    if (at > text.size() || text.size() - at < 4) return std::nullopt;
    uint32_t code = 0;
    const auto [end, ec] = std::from_chars(text.data() + at, text.data() + at + 4, code, 16);
    if (ec != std::errc() || end != text.data() + at + 4) return std::nullopt;
    return code;
  }

  // The rest of a string whose opening quote has been read.
  bool string(std::string_view* raw) {
    const size_t begin = at_;
    while (at_ < text_.size()) {
      const auto c = static_cast<unsigned char>(text_[at_]);
      if (c == '"') {
        if (raw != nullptr) *raw = text_.substr(begin, at_ - begin);
        ++at_;
        return true;
      }
      if (c < 0x20) return refuse("a control character in a string", at_);
      if (c == '\\') {
        if (!escape()) return false;
        continue;
      }
      const size_t length = utf8_sequence(text_, at_);
      if (length == 0) return refuse("invalid UTF-8", at_);
      at_ += length;
    }
    return refuse("the text ends inside a string", at_);
  }

  bool escape() {
    const size_t begin = at_++;
    if (at_ >= text_.size()) return refuse("the text ends inside a string", at_);
    const char c = text_[at_++];
    if (c != 'u') {
      return std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos ||
             refuse("an unknown escape", begin);
    }
    const std::optional<char32_t> code = hex4(text_, at_);
    if (!code) return refuse("a \\u escape needs four hexadecimal digits", begin);
    at_ += 4;
    if (*code < 0xD800 || *code > 0xDFFF) return true;
    if (*code < 0xDC00 && text_.substr(at_, 2) == "\\u") {
      const std::optional<char32_t> low = hex4(text_, at_ + 2);
      if (low && *low >= 0xDC00 && *low <= 0xDFFF) {
        at_ += 6;
        return true;
      }
    }
    return refuse("a surrogate escape without its pair", begin);
  }

  bool literal(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return refuse("expected a value", at_);
    at_ += word.size();
    return true;
  }

  static bool is_digit(char c) { return c >= '0' && c <= '9'; }

  // RFC 8259 section 6, and then the range.
  bool number() {
    const size_t begin = at_;
    if (peek() == '-') ++at_;
    if (!is_digit(peek())) return refuse(at_ == begin ? "expected a value" : "expected a digit", at_);
    if (peek() == '0' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1])) {
      return refuse("a number must not begin with 0", at_);
    }
    skip_digits();
    bool is_integer = true;
    if (peek() == '.') {
      is_integer = false;
      ++at_;
      if (!is_digit(peek())) return refuse("expected a digit after the decimal point", at_);
      skip_digits();
    }
    if (peek() == 'e' || peek() == 'E') {
      is_integer = false;
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      if (!is_digit(peek())) return refuse("expected a digit in the exponent", at_);
      skip_digits();
    }
    return check_range(begin, is_integer);
  }

  bool check_range(size_t begin, bool is_integer) {
    const char* const first = text_.data() + begin;
    const char* const last = text_.data() + at_;
    if (is_integer) {
      int64_t value = 0;
      const auto [end, ec] = std::from_chars(first, last, value);
      return (ec == std::errc() && end == last) || refuse("an integer outside the 64-bit range", begin);
    }
    double value = 0;
    const auto [end, ec] = std::from_chars(first, last, value);
    return (ec == std::errc() && end == last) || refuse("a number outside the range of a double", begin);
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void skip_digits() {
    while (is_digit(peek())) ++at_;
  }

  void skip_space() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
      ++at_;
    }
  }

  void fail(const char* reason, size_t offset) {
    if (!error_) error_ = Error{reason, offset};
  }

  bool refuse(const char* reason, size_t offset) {
    fail(reason, offset);
    return false;
  }

  std::string_view text_;
  const ParseLimits& limits_;
  size_t depth_max_;
  size_t at_ = 0;
  size_t members_ = 0;
  bool done_ = false;
  std::optional<Error> error_;
  std::vector<Container> open_;
  std::vector<Key> keys_;
  std::deque<std::string> unescaped_;  // a deque, because keys point into its strings
};

}  // namespace

std::optional<Error> validate(std::string_view text, const ParseLimits& limits) {
  return Validator(text, limits).run();
}

}  // namespace patronus::json
