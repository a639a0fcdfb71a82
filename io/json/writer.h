// Writes JSON by appending to a string. Nothing is built in memory first and nothing can fail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace patronus::json {

// Appends `text` in quotes, escaped as RFC 8259 section 7 demands. Each byte that isn't part of well-formed
// UTF-8 becomes U+FFFD, so whatever a client once sent can be shown.
void append_quoted(std::string& out, std::string_view text);

// Appends a finite number so that it reads back as the same double (and never as an integer); anything else
// becomes null.
void append_double(std::string& out, double value);

// Appends one JSON value to `out`, which the caller owns and must keep alive. Commas and colons are put by
// the writer. Inside an object every value follows a key() (or use field()). end() closes the innermost
// object or array, and does nothing when none is open; finish() closes all that are open.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  Writer& begin_object() { return begin('{', '}'); }
  Writer& begin_array() { return begin('[', ']'); }
  Writer& begin_object(std::string_view name) { return key(name).begin_object(); }
  Writer& begin_array(std::string_view name) { return key(name).begin_array(); }
  Writer& end();
  void finish();

  Writer& key(std::string_view name);

  Writer& value(std::string_view text);
  Writer& value(const char* text) { return value(std::string_view(text)); }
  Writer& value(double number);
  Writer& value(std::nullptr_t);
  Writer& null() { return value(nullptr); }
  template <typename T>
    requires std::is_integral_v<T>
  Writer& value(T number) {
    if constexpr (std::is_same_v<T, bool>) {
      return boolean(number);
    } else if constexpr (std::is_signed_v<T>) {
      return integer(static_cast<int64_t>(number));
    } else {
      return integer(static_cast<uint64_t>(number));
    }
  }
  // A value that is JSON already, as it stands. The caller vouches for it.
  Writer& raw(std::string_view json);

  template <typename T>
  Writer& field(std::string_view name, const T& v) {
    return key(name).value(v);
  }

 private:
  Writer& begin(char opening, char closing);
  Writer& boolean(bool value);
  Writer& integer(int64_t number);
  Writer& integer(uint64_t number);
  void separate();

  std::string& out_;
  std::string open_;  // the closing brackets that are due, innermost last
  bool needs_comma_ = false;
};

}  // namespace patronus::json
