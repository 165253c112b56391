# The toolkit on the processor, as `dst`; without a command it makes the demo.
#   docker build -t dst .
#   docker run --rm -v "$PWD:/work" dst stylize me.jpg painting.jpg -o out.png
FROM python:3.11-slim

# Where an index offers torch for processors alone, the image becomes much smaller: --build-arg PIP_EXTRA_INDEX_URL=...
ARG PIP_EXTRA_INDEX_URL

WORKDIR /usr/src/dst
COPY setup.cfg pyproject.toml constraints.txt README.md LICENSE NOTICE ./
COPY assets assets
COPY correspondence correspondence
COPY dst dst
RUN pip install --no-cache-dir -c constraints.txt . && rm -rf build *.egg-info

RUN useradd --create-home dst && install -d -o dst /work
USER dst
WORKDIR /work
ENTRYPOINT ["dst"]
CMD ["demo"]
