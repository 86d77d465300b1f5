"""Convolutions over one or two axes and their transposes, channels first.

y = convolve(x, weight, bias, stride=..., padding=..., dilation=..., groups=...)
y = convolve_transposed(x, weight, bias, stride=..., padding=..., dilation=..., groups=..., extra=...)
"""

from .kernels import CONVOLUTION, TRANSPOSED, ConvolutionKernel, convolve, convolve_transposed

__all__ = ["CONVOLUTION", "TRANSPOSED", "ConvolutionKernel", "convolve", "convolve_transposed"]
