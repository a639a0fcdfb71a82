#include "io/json/json.h"

#include <exception>
#include <optional>
#include <utility>

#include "io/json/validator.h"

namespace patronus::json {

std::variant<picojson::value, Error> parse(std::string_view text, const ParseLimits& limits) {
  if (std::optional<Error> error = validate(text, limits)) return *std::move(error);
  // After the validator picojson has nothing left to refuse. That it agrees is checked all the same, because
  // two readers that differ are how a check is got around.
  try {
    picojson::value value;
    std::string refusal;
    const char* const end = picojson::parse(value, text.data(), text.data() + text.size(), &refusal);
    if (!refusal.empty()) return Error{"not JSON", static_cast<size_t>(end - text.data())};
    return value;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& e) {
    return Error{e.what(), 0};
  }
}

}  // namespace patronus::json
