#include "io/tls/complaints.h"

#include <algorithm>

#include "core/base/limits.h"

namespace patronus::tls {
namespace {

constexpr Duration kSameAgainAfter = std::chrono::minutes(1);
constexpr Duration kTokenEvery = std::chrono::seconds(3);

}  // namespace

std::optional<std::string> Complaints::admit(const std::string& text, Instant now) {
  const auto due = static_cast<size_t>(std::max<int64_t>(0, (now - refilled_at_) / kTokenEvery));
  if (due > 0) {
    tokens_ = std::min(kBurst, tokens_ + std::min(due, kBurst));
    refilled_at_ = now;
  }
  forget_old(now);
  if (tokens_ == 0 || said_.contains(text) || said_.size() >= limits::kTlsComplaintsMax) {
    ++held_back_;
    return std::nullopt;
  }
  --tokens_;
  said_[text] = now;
  std::string line = text;
  if (held_back_ > 0) line += " (" + std::to_string(held_back_) + " such lines were held back before)";
  held_back_ = 0;
  return line;
}

void Complaints::forget_old(Instant now) {
  std::erase_if(said_, [now](const auto& one) { return now - one.second >= kSameAgainAfter; });
}

}  // namespace patronus::tls
