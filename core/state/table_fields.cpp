// What can be a site's or a policy's, whatever others there are.
#include <algorithm>

#include "core/base/limits.h"
#include "core/state/table_ops.h"

namespace patronus {
namespace {

using namespace limits;

// Names are shown to people: any UTF-8, but nothing that would break a line or hide.
std::optional<std::string> name_fault(std::string_view name) {
  if (name.empty()) return "must not be empty";
  if (name.size() > kTableNameBytesMax) {
    return "must have at most " + std::to_string(kTableNameBytesMax) + " bytes";
  }
  if (name.front() == ' ' || name.back() == ' ') return "must not begin or end with a space";
  const bool has_control = std::any_of(
      name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (has_control) return "must not have control characters";
  return std::nullopt;
}

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_';
}

// host:port or [v6]:port.
std::optional<std::string> address_fault(std::string_view address) {
  if (address.size() > kEndpointAddressBytesMax) {
    return "must have at most " + std::to_string(kEndpointAddressBytesMax) + " bytes";
  }
  const size_t colon = address.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return "must be host:port";
  const std::string_view host = address.substr(0, colon);
  const std::string_view port = address.substr(colon + 1);
  const bool is_bracketed = host.size() > 4 && host.front() == '[' && host.back() == ']';
  const auto is_v6_character = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' || c == '.';
  };
  const bool is_host = is_bracketed ? std::all_of(host.begin() + 1, host.end() - 1, is_v6_character)
                                    : std::all_of(host.begin(), host.end(), is_host_character);
  if (!is_host) return "must be host:port, with a host name, an address, or an address of IPv6 in brackets";
  if (port.empty() || port.size() > 5) return "must end with a port of 1 to 65535";
  uint32_t number = 0;
  for (const char c : port) {
    if (c < '0' || c > '9') return "must end with a port of 1 to 65535";
    number = number * 10 + static_cast<uint32_t>(c - '0');
  }
  if (number == 0 || number > 65'535 || port.front() == '0') return "must end with a port of 1 to 65535";
  return std::nullopt;
}

bool is_interface_type(std::string_view text) {
  return !text.empty() && text.size() <= kInterfaceTypeBytesMax &&
         std::all_of(text.begin(), text.end(), is_host_character);
}

}  // namespace

std::optional<FieldFault> fault_of(const SiteFields& fields) {
  if (std::optional<std::string> fault = name_fault(fields.name)) return FieldFault{"name", *fault};
  if (fields.endpoints.size() > kSiteEndpointsMax) {
    return FieldFault{"endpoints", "a site has at most " + std::to_string(kSiteEndpointsMax)};
  }
  for (size_t i = 0; i < fields.endpoints.size(); ++i) {
    const SiteEndpoint& endpoint = fields.endpoints[i];
    const std::string place = "endpoints[" + std::to_string(i) + "].";
    if (std::optional<std::string> fault = address_fault(endpoint.address)) {
      return FieldFault{place + "address", *fault};
    }
    const auto is_same = [&](const SiteEndpoint& other) { return other.address == endpoint.address; };
    const auto here = fields.endpoints.begin() + static_cast<ptrdiff_t>(i);
    if (std::any_of(fields.endpoints.begin(), here, is_same)) {
      return FieldFault{place + "address", "is there twice"};
    }
    if (!is_interface_type(endpoint.interface_type)) {
      return FieldFault{place + "interface_type",
                        "must be 1 to " + std::to_string(kInterfaceTypeBytesMax) +
                            " letters, digits, '-', '_' or '.', such as fiber, lte or mpls"};
    }
    if (endpoint.cost_per_gb_micros > kCostMicrosMax) {
      return FieldFault{place + "cost_per_gb", "must be 0 to 1000000"};
    }
  }
  if (fields.key_generation == 0) return FieldFault{"key_generation", "must be at least 1"};
  return std::nullopt;
}

std::optional<FieldFault> fault_of(const PolicyFields& fields) {
  if (std::optional<std::string> fault = name_fault(fields.name)) return FieldFault{"name", *fault};
  if (fields.source_site.empty()) return FieldFault{"source_site", "must be a site's id"};
  if (fields.destination_site.empty()) return FieldFault{"destination_site", "must be a site's id"};
  if (fields.source_site == fields.destination_site) {
    return FieldFault{"destination_site", "must be another site than the source"};
  }
  const auto is_too_long = [](const std::optional<uint32_t>& us) {
    return us && (*us == 0 || *us > kThresholdUsMax);
  };
  if (is_too_long(fields.max_latency_us))
    return FieldFault{"max_latency_ms", "must be above 0, and at most 60000"};
  if (is_too_long(fields.max_jitter_us))
    return FieldFault{"max_jitter_ms", "must be above 0, and at most 60000"};
  if (fields.max_loss_ppm && *fields.max_loss_ppm > 1'000'000) {
    return FieldFault{"max_packet_loss_pct", "must be 0 to 100"};
  }
  return std::nullopt;
}

}  // namespace patronus
