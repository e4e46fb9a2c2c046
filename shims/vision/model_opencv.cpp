/* SPDX-License-Identifier: Apache-2.0 */
/* Any ONNX network as a plug-in, run by OpenCV's dnn. The manifest says:
 *
 *     "file": "pigs.onnx", "file_sha256": "...",
 *     "input": { "width": 224, "height": 224 }, "scale": 0.00392156862745098
 *
 * The picture is resized to the input, multiplied by the scale, and given as one batch
 * of three planes: red, green, blue. The first number of the first output is the weight
 * in kg; the second, if there is one, the confidence; otherwise that is 0.5. */
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <string>

#include <opencv2/dnn.hpp>
#include <opencv2/imgproc.hpp>

#include <farmiq/farmiq.h>
#include <farmiq/model.h>

namespace
{

struct Network {
    cv::dnn::Net net;
    cv::Size input;
    double scale = 1;
};

int fail(farmiq_error *error, int code, const char *field, const char *detail)
{
    if (error) {
        std::snprintf(error->field, sizeof error->field, "%s", field);
        std::snprintf(error->detail, sizeof error->detail, "%.*s",
                      static_cast<int>(sizeof error->detail) - 1, detail);
    }
    return code;
}

/* OpenCV throws; C does not catch. */
template <typename Body> int guarded(farmiq_error *error, Body body)
{
    try {
        return body();
    } catch (const std::bad_alloc &) {
        return FARMIQ_E_NOMEM;
    } catch (const std::exception &) { /* its text may be long, and quotes paths */
        return fail(error, FARMIQ_E_STORE, "network", "was not taken by OpenCV");
    }
}

bool members(farmiq_str json, farmiq_json_member *wanted, uint32_t count, void *scratch,
             size_t scratch_bytes)
{
    return farmiq_json_members(json.ptr, json.len, wanted, count, scratch, scratch_bytes,
                               nullptr) == FARMIQ_OK;
}

double number(const farmiq_json_member &member)
{
    return member.type == FARMIQ_JSON_NUMBER
               ? std::atof(std::string(member.text.ptr, member.text.len).c_str())
               : 0;
}

bool read_input(farmiq_str json, cv::Size *input)
{
    farmiq_json_member wanted[2] = {};
    int64_t scratch[512];

    wanted[0].name = "width";
    wanted[1].name = "height";
    if (!members(json, wanted, 2, scratch, sizeof scratch))
        return false;
    *input = cv::Size(static_cast<int>(number(wanted[0])),
                      static_cast<int>(number(wanted[1])));
    return input->width > 0 && input->height > 0 && input->width <= 4096 &&
           input->height <= 4096;
}

int open_network(void **ctx, const char *folder, farmiq_str manifest, farmiq_error *error)
{
    farmiq_json_member wanted[3] = {};
    int64_t scratch[1024];

    wanted[0].name = "file";
    wanted[1].name = "input";
    wanted[2].name = "scale";
    if (!members(manifest, wanted, 3, scratch, sizeof scratch) ||
        wanted[0].type != FARMIQ_JSON_STRING)
        return fail(error, FARMIQ_E_SCHEMA, "file", "must name the network");
    return guarded(error, [&] {
        auto network = std::make_unique<Network>();
        std::string path = std::string(folder) + "/" +
                           std::string(wanted[0].text.ptr, wanted[0].text.len);

        if (wanted[1].type != FARMIQ_JSON_OBJECT ||
            !read_input(wanted[1].text, &network->input))
            return fail(error, FARMIQ_E_SCHEMA, "input",
                        "must have width and height, up to 4096");
        if (wanted[2].type == FARMIQ_JSON_NUMBER)
            network->scale = number(wanted[2]);
        network->net = cv::dnn::readNetFromONNX(path);
        *ctx = network.release();
        return static_cast<int>(FARMIQ_OK);
    });
}

int estimate(void *ctx, const farmiq_picture *picture, farmiq_estimate *out,
             farmiq_error *error)
{
    auto *network = static_cast<Network *>(ctx);

    return guarded(error, [&] {
        cv::Mat rgb(static_cast<int>(picture->height_px),
                    static_cast<int>(picture->width_px), CV_8UC3,
                    const_cast<uint8_t *>(picture->pixels), picture->stride_bytes);
        cv::Mat result;

        network->net.setInput(
            cv::dnn::blobFromImage(rgb, network->scale, network->input));
        result = network->net.forward().reshape(1, 1);
        if (result.total() < 1 || !std::isfinite(result.at<float>(0)))
            return static_cast<int>(FARMIQ_UNDEFINED);
        out->weight_kg = static_cast<double>(result.at<float>(0));
        out->confidence =
            result.total() > 1
                ? std::clamp(static_cast<double>(result.at<float>(1)), 0.0, 1.0)
                : 0.5;
        return static_cast<int>(FARMIQ_OK);
    });
}

void close_network(void *ctx) { delete static_cast<Network *>(ctx); }

const farmiq_model model = { sizeof(farmiq_model),
                             FARMIQ_MODEL_ABI,
                             FARMIQ_MODEL_WANTS_PIXELS,
                             0,
                             "opencv",
                             open_network,
                             estimate,
                             close_network };

} // namespace

extern "C" FARMIQ_API const farmiq_model *farmiq_model_entry(void) { return &model; }
