#include "io/json/fields.h"

#include <algorithm>

namespace patronus::json {

Fields::Fields(const picojson::value& value) : Fields(value, "", nullptr) {}

Fields::Fields(const picojson::value& value, std::string path, std::vector<FieldError>* errors)
    : path_(std::move(path)), errors_(errors != nullptr ? errors : &own_errors_) {
  if (value.is<picojson::object>()) {
    object_ = &value.get<picojson::object>();
  } else {
    errors_->push_back({path_, "must be an object", FieldFault::kType});
  }
}

std::string Fields::path_of(std::string_view name) const {
  if (path_.empty()) return std::string(name);
  return path_ + "." + std::string(name);
}

void Fields::error(std::string_view name, std::string reason, FieldFault fault) {
  errors_->push_back({path_of(name), std::move(reason), fault});
}

void Fields::wrong_type(std::string_view name, std::string_view wanted) {
  error(name, "must be " + std::string(wanted), FieldFault::kType);
}

bool Fields::has(std::string_view name) const {
  return object_ != nullptr && object_->contains(std::string(name));
}

const picojson::value* Fields::take(std::string_view name, bool required) {
  if (object_ == nullptr) return nullptr;
  const std::string& known = *known_.emplace(name).first;
  const auto found = object_->find(known);
  if (found == object_->end() || found->second.is<picojson::null>()) {
    if (required) error(name, "is required", FieldFault::kMissing);
    return nullptr;
  }
  return &found->second;
}

std::optional<std::string> Fields::string(const picojson::value* value, std::string_view name,
                                          const StringLimits& limits) {
  if (value == nullptr) return std::nullopt;
  if (!value->is<std::string>()) {
    wrong_type(name, "a string");
    return std::nullopt;
  }
  const std::string& text = value->get<std::string>();
  if (text.size() < limits.bytes_min) {
    error(name, text.empty() ? "must not be empty"
                             : "must have at least " + std::to_string(limits.bytes_min) + " bytes");
    return std::nullopt;
  }
  if (text.size() > limits.bytes_max) {
    error(name, "must have at most " + std::to_string(limits.bytes_max) + " bytes");
    return std::nullopt;
  }
  return text;
}

std::optional<int64_t> Fields::integer(const picojson::value* value, std::string_view name, int64_t min,
                                       int64_t max) {
  if (value == nullptr) return std::nullopt;
  if (!value->is<int64_t>()) {
    wrong_type(name, "an integer");
    return std::nullopt;
  }
  const int64_t number = value->get<int64_t>();
  if (number < min || number > max) {
    error(name, "must be from " + std::to_string(min) + " to " + std::to_string(max));
    return std::nullopt;
  }
  return number;
}

std::optional<double> Fields::number(const picojson::value* value, std::string_view name) {
  if (value == nullptr) return std::nullopt;
  // picojson's get<double>() turns a stored integer into a double for good, even through a const reference,
  // and a second look would then no longer find the integer. So integers are read as what they are.
  if (value->is<int64_t>()) return static_cast<double>(value->get<int64_t>());
  if (value->is<double>()) return value->get<double>();
  wrong_type(name, "a number");
  return std::nullopt;
}

const picojson::array* Fields::array(const picojson::value* value, std::string_view name, size_t count_max) {
  if (value == nullptr) return nullptr;
  if (!value->is<picojson::array>()) {
    wrong_type(name, "an array");
    return nullptr;
  }
  const auto& elements = value->get<picojson::array>();
  if (elements.size() > count_max) {
    error(name, "must have at most " + std::to_string(count_max) + " elements");
    return nullptr;
  }
  return &elements;
}

std::vector<std::string> Fields::strings(const picojson::array& array, std::string_view name,
                                         const StringLimits& limits) {
  std::vector<std::string> out;
  out.reserve(array.size());
  for (size_t i = 0; i < array.size(); ++i) {
    const std::string element = std::string(name) + "[" + std::to_string(i) + "]";
    if (auto text = string(&array[i], element, limits)) out.push_back(*std::move(text));
  }
  return out;
}

std::string Fields::required_string(std::string_view name, const StringLimits& limits) {
  return string(take(name, true), name, limits).value_or("");
}

std::optional<std::string> Fields::optional_string(std::string_view name, const StringLimits& limits) {
  return string(take(name, false), name, limits);
}

int64_t Fields::required_int(std::string_view name, int64_t min, int64_t max) {
  return integer(take(name, true), name, min, max).value_or(0);
}

std::optional<int64_t> Fields::optional_int(std::string_view name, int64_t min, int64_t max) {
  return integer(take(name, false), name, min, max);
}

bool Fields::required_bool(std::string_view name) {
  const picojson::value* const value = take(name, true);
  if (value == nullptr) return false;
  if (value->is<bool>()) return value->get<bool>();
  wrong_type(name, "true or false");
  return false;
}

std::optional<bool> Fields::optional_bool(std::string_view name) {
  const picojson::value* const value = take(name, false);
  if (value == nullptr) return std::nullopt;
  if (value->is<bool>()) return value->get<bool>();
  wrong_type(name, "true or false");
  return std::nullopt;
}

double Fields::required_number(std::string_view name) { return number(take(name, true), name).value_or(0); }

std::optional<double> Fields::optional_number(std::string_view name) {
  return number(take(name, false), name);
}

const picojson::array* Fields::required_array(std::string_view name, size_t count_max) {
  return array(take(name, true), name, count_max);
}

const picojson::array* Fields::optional_array(std::string_view name, size_t count_max) {
  return array(take(name, false), name, count_max);
}

const picojson::value* Fields::optional_value(std::string_view name) { return take(name, false); }

std::vector<std::string> Fields::required_strings(std::string_view name, size_t count_max,
                                                  const StringLimits& limits) {
  const picojson::array* const elements = required_array(name, count_max);
  return elements == nullptr ? std::vector<std::string>() : strings(*elements, name, limits);
}

std::optional<std::vector<std::string>> Fields::optional_strings(std::string_view name, size_t count_max,
                                                                 const StringLimits& limits) {
  const picojson::array* const elements = optional_array(name, count_max);
  if (elements == nullptr) return std::nullopt;
  return strings(*elements, name, limits);
}

void Fields::check_unknown() {
  if (object_ == nullptr) return;
  for (const auto& member : *object_) {
    if (!known_.contains(member.first)) error(member.first, "is not a known field", FieldFault::kUnknown);
  }
  object_ = nullptr;  // so that a second call has nothing to report again
}

bool Fields::finish() {
  check_unknown();
  return errors_->empty();
}

bool Fields::only_invalid() const {
  return !errors_->empty() && std::all_of(errors_->begin(), errors_->end(), [](const FieldError& e) {
    return e.fault == FieldFault::kInvalid;
  });
}

}  // namespace patronus::json
