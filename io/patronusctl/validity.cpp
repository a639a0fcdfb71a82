#include "io/patronusctl/validity.h"

#include <algorithm>

namespace patronus::ctl {
namespace {

constexpr int64_t kClockSkew = int64_t{60} * 60;
constexpr int64_t kDaysMax = 36'500;

bool read_time(const std::string& text, const char* option, int64_t& into, std::string& error) {
  if (text.empty()) return true;
  const std::optional<int64_t> time = tls::parse_time(text);
  if (!time) {
    error = std::string(option) + " '" + text + "' is not a time; use for example 2027-01-31T12:00:00Z";
    return false;
  }
  into = *time;
  return true;
}

}  // namespace

std::optional<tls::Validity> validity_of(const Lifetime& lifetime, int64_t now, std::string& error) {
  if (lifetime.days < 1 || lifetime.days > kDaysMax) {
    error =
        "--days " + std::to_string(lifetime.days) + " is out of range; use 1 to " + std::to_string(kDaysMax);
    return std::nullopt;
  }
  tls::Validity validity;
  validity.not_after = now + lifetime.days * kDay;
  if (!read_time(lifetime.not_after, "--not-after", validity.not_after, error)) return std::nullopt;
  // One that ends in the past begins before that.
  validity.not_before = std::min(now - kClockSkew, validity.not_after - kDay);
  if (!read_time(lifetime.not_before, "--not-before", validity.not_before, error)) return std::nullopt;
  if (validity.not_before >= validity.not_after) {
    error = "the certificate would end before it begins; look at --not-before and --not-after";
    return std::nullopt;
  }
  return validity;
}

}  // namespace patronus::ctl
