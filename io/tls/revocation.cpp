#include "io/tls/revocation.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <limits>

#include "core/base/limits.h"
#include "io/tls/asn1.h"

namespace patronus::tls {
namespace {

std::optional<int64_t> number_of(const X509_CRL* list) {
  const Asn1Number number(
      static_cast<ASN1_INTEGER*>(X509_CRL_get_ext_d2i(list, NID_crl_number, nullptr, nullptr)));
  int64_t value = 0;
  if (!number || ASN1_INTEGER_get_int64(&value, number.get()) != 1) return std::nullopt;
  return value;
}

// OpenSSL declares these calls for lists that may change, although they only look.
STACK_OF(X509_REVOKED) * entries_of(const X509_CRL* list) {
  return X509_CRL_get_REVOKED(const_cast<X509_CRL*>(list));
}

bool has_critical_extension(const X509_CRL* list) {
  for (int i = 0; i < X509_CRL_get_ext_count(list); ++i) {
    if (X509_EXTENSION_get_critical(X509_CRL_get_ext(list, i)) == 1) return true;
  }
  return false;
}

// Why the list is of no use; empty if it is.
std::string check(const X509_CRL* list) {
  if (X509_CRL_get0_nextUpdate(list) == nullptr)
    return "holds a list that does not say when the next one is due";
  if (has_critical_extension(list))
    return "holds a list with a critical extension, which this version does not know";
  const int entries = sk_X509_REVOKED_num(entries_of(list));
  if (entries > 0 && static_cast<size_t>(entries) > limits::kTlsRevokedMax) {
    return "holds a list of more than " + std::to_string(limits::kTlsRevokedMax) + " certificates";
  }
  return "";
}

bool is_same_authority(const X509_CRL* one, const X509_CRL* other) {
  return X509_NAME_cmp(X509_CRL_get_issuer(one), X509_CRL_get_issuer(other)) == 0;
}

}  // namespace

RevocationInfo describe(const X509_CRL* list) {
  RevocationInfo info;
  info.issuer = text_of(X509_CRL_get_issuer(list));
  info.number = number_of(list);
  info.this_update = seconds_of(X509_CRL_get0_lastUpdate(list));
  info.next_update = seconds_of(X509_CRL_get0_nextUpdate(list));
  const STACK_OF(X509_REVOKED)* entries = entries_of(list);
  for (int i = 0; i < sk_X509_REVOKED_num(entries); ++i) {
    const X509_REVOKED* entry = sk_X509_REVOKED_value(entries, i);
    info.revoked.push_back(
        {hex_of(X509_REVOKED_get0_serialNumber(entry)), seconds_of(X509_REVOKED_get0_revocationDate(entry))});
  }
  return info;
}

std::variant<std::vector<Crl>, std::string> parse_lists(std::string_view pem) {
  ERR_clear_error();
  const BioHandle in = reading_bio(pem);
  std::vector<Crl> lists;
  while (in) {
    Crl one(PEM_read_bio_X509_CRL(in.get(), nullptr, nullptr, nullptr));
    if (!one) break;
    if (std::string fault = check(one.get()); !fault.empty()) return fault;
    lists.push_back(std::move(one));
  }
  const unsigned long last = ERR_peek_last_error();
  const bool at_the_end = ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
  if (!at_the_end) return "holds a list of revoked certificates that can't be read: " + take_openssl_error();
  ERR_clear_error();
  if (lists.empty()) return std::string("holds no list of revoked certificates (X509 CRL) in PEM form");
  return lists;
}

bool is_list_of(const X509* authority, const X509_CRL* list) {
  if (X509_NAME_cmp(X509_get_subject_name(authority), X509_CRL_get_issuer(list)) != 0) return false;
  // These calls fill caches inside, which changes nothing of what is said.
  if ((X509_get_key_usage(const_cast<X509*>(authority)) & KU_CRL_SIGN) == 0) return false;
  ERR_clear_error();
  const bool signed_by_it = X509_CRL_verify(const_cast<X509_CRL*>(list), X509_get0_pubkey(authority)) == 1;
  ERR_clear_error();
  return signed_by_it;
}

std::variant<std::shared_ptr<const RevocationLists>, std::string> RevocationLists::make(
    std::vector<Crl> lists, const std::vector<Certificate>& authorities) {
  for (const Crl& list : lists) {
    const bool known = std::any_of(authorities.begin(), authorities.end(), [&](const Certificate& authority) {
      return is_list_of(authority.get(), list.get());
    });
    if (!known) {
      return "holds a list that none of the authorities signed; it is issued by " +
             text_of(X509_CRL_get_issuer(list.get()));
    }
  }
  return std::shared_ptr<const RevocationLists>(new RevocationLists(std::move(lists)));
}

std::optional<int64_t> RevocationLists::revoked_at(const X509* certificate) const {
  for (const Crl& list : lists_) {
    if (X509_NAME_cmp(X509_CRL_get_issuer(list.get()), X509_get_issuer_name(certificate)) != 0) continue;
    X509_REVOKED* entry = nullptr;
    // Sorts the entries at first, under a lock of OpenSSL's own.
    const int found = X509_CRL_get0_by_cert(list.get(), &entry, const_cast<X509*>(certificate));
    if (found == 1) return seconds_of(X509_REVOKED_get0_revocationDate(entry));
  }
  return std::nullopt;
}

int64_t RevocationLists::next_update() const {
  int64_t first = std::numeric_limits<int64_t>::max();
  for (const Crl& list : lists_) first = std::min(first, seconds_of(X509_CRL_get0_nextUpdate(list.get())));
  return first;
}

size_t RevocationLists::revoked_count() const {
  size_t count = 0;
  for (const Crl& list : lists_) {
    count += static_cast<size_t>(std::max(0, sk_X509_REVOKED_num(entries_of(list.get()))));
  }
  return count;
}

std::string RevocationLists::older_than(const RevocationLists& before) const {
  for (const Crl& list : lists_) {
    for (const Crl& other : before.lists_) {
      if (!is_same_authority(list.get(), other.get())) continue;
      const std::optional<int64_t> number = number_of(list.get());
      const std::optional<int64_t> other_number = number_of(other.get());
      if (!number || !other_number || *number >= *other_number) continue;
      return "holds list " + std::to_string(*number) + ", which is older than list " +
             std::to_string(*other_number) + " that was read before";
    }
  }
  return "";
}

std::string RevocationLists::published() const {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509_CRL(lists_.front().get(), &bytes);
  if (size <= 0) return "";
  std::string text(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
  OPENSSL_free(bytes);
  return text;
}

}  // namespace patronus::tls
