"""LitServe, as its guide has it."""

import os

import litserve
import model


class Claims(litserve.LitAPI):
    def setup(self, device):
        self.score = model.load()

    def decode_request(self, request):
        return request["instances"]

    def predict(self, rows):
        return self.score(rows)

    def encode_response(self, scores):
        return {"predictions": scores}


if __name__ == "__main__":
    server = litserve.LitServer(Claims(), accelerator="cpu")
    server.run(host="127.0.0.1", port=int(os.environ["PORT"]), generate_client_file=False, log_level="error")
