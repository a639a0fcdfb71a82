// Reads the object in a request's body: typed, bounded, and with every complaint collected, so that a client
// hears of all its mistakes at once and no misspelt field is silently dropped.
//
//   json::Fields in(body);
//   const std::string id = in.required_string("id", {.bytes_max = 64});
//   const auto ttl_ms = in.optional_int("ttl_ms", 1, 86'400'000);
//   in.optional_object("limits", [&](json::Fields& limits) { rate = limits.required_int("rate", 1, 1000); });
//   if (!in.finish()) return problem(in.errors());
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/json/value.h"

namespace patronus::json {

// What kind of mistake it is, because the API answers the first three with 400 and the last with 422.
enum class FieldFault : uint8_t { kUnknown, kMissing, kType, kInvalid };

struct FieldError {
  std::string field;  // a path such as "peers[2].address"; empty for the body itself
  std::string reason;
  FieldFault fault = FieldFault::kInvalid;
};

struct StringLimits {
  size_t bytes_min = 0;
  size_t bytes_max = 65536;
};

class Fields {
 public:
  // `value` must outlive the reader. One that isn't an object is an error by itself, and every getter then
  // behaves as if its field were there but wrong, without a further complaint.
  explicit Fields(const picojson::value& value);
  Fields(const Fields&) = delete;
  Fields& operator=(const Fields&) = delete;

  // A required getter returns an empty value when its field is missing or wrong, having noted the error. An
  // optional one returns nothing when the field is missing or null, and when it is wrong, noting the error.
  [[nodiscard]] std::string required_string(std::string_view name, const StringLimits& limits = {});
  [[nodiscard]] std::optional<std::string> optional_string(std::string_view name,
                                                           const StringLimits& limits = {});
  [[nodiscard]] int64_t required_int(std::string_view name, int64_t min = std::numeric_limits<int64_t>::min(),
                                     int64_t max = std::numeric_limits<int64_t>::max());
  [[nodiscard]] std::optional<int64_t> optional_int(std::string_view name,
                                                    int64_t min = std::numeric_limits<int64_t>::min(),
                                                    int64_t max = std::numeric_limits<int64_t>::max());
  [[nodiscard]] bool required_bool(std::string_view name);
  [[nodiscard]] std::optional<bool> optional_bool(std::string_view name);
  // An integer will do for a number.
  [[nodiscard]] double required_number(std::string_view name);
  [[nodiscard]] std::optional<double> optional_number(std::string_view name);

  // The raw value, which the caller judges (and complains of through error()); null when missing or wrong.
  [[nodiscard]] const picojson::array* required_array(std::string_view name, size_t count_max);
  [[nodiscard]] const picojson::array* optional_array(std::string_view name, size_t count_max);
  [[nodiscard]] const picojson::value* optional_value(std::string_view name);
  [[nodiscard]] std::vector<std::string> required_strings(std::string_view name, size_t count_max,
                                                          const StringLimits& limits = {});
  [[nodiscard]] std::optional<std::vector<std::string>> optional_strings(std::string_view name,
                                                                         size_t count_max,
                                                                         const StringLimits& limits = {});

  // Calls read(Fields&) with a reader of the nested object, and sees to its unknown fields afterwards.
  // Returns whether there was an object to read.
  template <typename Read>
  bool required_object(std::string_view name, Read&& read) {
    return read_object(take(name, true), name, std::forward<Read>(read));
  }
  template <typename Read>
  bool optional_object(std::string_view name, Read&& read) {
    return read_object(take(name, false), name, std::forward<Read>(read));
  }
  // Calls read(Fields&) for each element of an array of objects. Returns whether there was an array.
  template <typename Read>
  bool required_objects(std::string_view name, size_t count_max, const Read& read) {
    return read_objects(required_array(name, count_max), name, read);
  }
  template <typename Read>
  bool optional_objects(std::string_view name, size_t count_max, const Read& read) {
    return read_objects(optional_array(name, count_max), name, read);
  }

  // Whether the body has this field, null or not. Does not count as reading it.
  [[nodiscard]] bool has(std::string_view name) const;
  // Notes a complaint of the handler's own about a field of this object.
  void error(std::string_view name, std::string reason, FieldFault fault = FieldFault::kInvalid);

  // To be called after the last getter: notes each field that no getter asked for. Returns whether all is
  // well.
  [[nodiscard]] bool finish();
  [[nodiscard]] const std::vector<FieldError>& errors() const { return *errors_; }
  // Whether every error is of a well-formed body whose values won't do (422); otherwise the body itself is
  // wrong (400).
  [[nodiscard]] bool only_invalid() const;

 private:
  Fields(const picojson::value& value, std::string path, std::vector<FieldError>* errors);

  [[nodiscard]] const picojson::value* take(std::string_view name, bool required);
  [[nodiscard]] const picojson::array* array(const picojson::value* value, std::string_view name,
                                             size_t count_max);
  [[nodiscard]] std::optional<std::string> string(const picojson::value* value, std::string_view name,
                                                  const StringLimits& limits);
  [[nodiscard]] std::optional<int64_t> integer(const picojson::value* value, std::string_view name,
                                               int64_t min, int64_t max);
  [[nodiscard]] std::optional<double> number(const picojson::value* value, std::string_view name);
  [[nodiscard]] std::vector<std::string> strings(const picojson::array& array, std::string_view name,
                                                 const StringLimits& limits);
  void check_unknown();
  [[nodiscard]] std::string path_of(std::string_view name) const;
  void wrong_type(std::string_view name, std::string_view wanted);

  template <typename Read>
  bool read_object(const picojson::value* value, std::string_view name, Read&& read) {
    if (value == nullptr) return false;
    Fields nested(*value, path_of(name), errors_);
    if (nested.object_ == nullptr) return false;
    std::forward<Read>(read)(nested);
    nested.check_unknown();
    return true;
  }

  template <typename Read>
  bool read_objects(const picojson::array* elements, std::string_view name, const Read& read) {
    if (elements == nullptr) return false;
    for (size_t i = 0; i < elements->size(); ++i) {
      Fields nested((*elements)[i], path_of(name) + "[" + std::to_string(i) + "]", errors_);
      if (nested.object_ == nullptr) continue;
      read(nested);
      nested.check_unknown();
    }
    return true;
  }

  const picojson::object* object_ = nullptr;
  std::string path_;
  std::vector<FieldError> own_errors_;
  std::vector<FieldError>* errors_;  // of the outermost reader
  std::set<std::string, std::less<>> known_;
};

}  // namespace patronus::json
