/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of options that mean the same thing in several services. */
#ifndef COMMON_OPTIONS_H
#define COMMON_OPTIONS_H

/* How edges prove who they are: what the forwarder shows, and the ingestion asks for. */
#define EDGE_PROOF_OPTIONS                                                               \
    { "CLOUD_AUTH_MODE", SHIM_CHOICE, "none",                                            \
      "none|api_key|hmac|mtls|mtls_hmac: how edges prove who they are; none needs "      \
      "FARMIQ_INSECURE_DEV" },                                                           \
        { "CLOUD_API_KEY", SHIM_SECRET, "", "for api_key" },                             \
    {                                                                                    \
        "CLOUD_HMAC_SECRET", SHIM_SECRET, "", "for hmac"                                 \
    }

/* Where sessions of weighing are, for those who tell of them. */
#define SESSION_SERVICE_OPTION                                                           \
    {                                                                                    \
        "EDGE_WEIGHVISION_SESSION_URL", SHIM_URL,                                        \
            "http://edge-weighvision-session:3000",                                      \
            "base URL of the session service, when it is another process"                \
    }

#define NEIGHBOUR_TIMEOUT_OPTION                                                         \
    {                                                                                    \
        "DOWNSTREAM_TIMEOUT_MS", SHIM_MS, "5000", "how long a neighbour may take"        \
    }

#define MEDIA_BUCKET_OPTION                                                              \
    {                                                                                    \
        "MEDIA_BUCKET", SHIM_STRING, "farmiq-media",                                     \
            "a name that ids of media follow from: the same for ever"                    \
    }

#define IMAGE_SIZE_OPTION                                                                \
    {                                                                                    \
        "MEDIA_MAX_UPLOAD_BYTES", SHIM_BYTES, "10M", "longer images are refused"         \
    }

/* Where images are, for those who put them there and those who clear up. */
#define MEDIA_FOLDER_OPTION                                                              \
    {                                                                                    \
        "MEDIA_BASE_PATH", SHIM_STRING, "media",                                         \
            "the folder that images are kept in; it is made if the one above is there"   \
    }
#define MEDIA_GRACE_OPTION                                                               \
    {                                                                                    \
        "MEDIA_ORPHAN_GRACE", SHIM_SECONDS, "24h",                                       \
            "how long bytes wait for their complete, at most half of it for its call"    \
    }
#define S3_OPTIONS                                                                       \
    { "MEDIA_BACKEND", SHIM_CHOICE, "filesystem",                                        \
      "filesystem|s3: where bytes are: below MEDIA_BASE_PATH, or in an S3-compatible "   \
      "store" },                                                                         \
        { "MEDIA_ENDPOINT", SHIM_URL, "", "s3: its URL, without a path" },               \
        { "MEDIA_REGION", SHIM_STRING, "us-east-1", "s3: its region" },                  \
        { "MEDIA_ACCESS_KEY", SHIM_STRING, "", "s3: the access key's id" },              \
        { "MEDIA_SECRET_KEY", SHIM_SECRET, "", "s3: and the secret behind it" },         \
        MEDIA_BUCKET_OPTION

#endif
